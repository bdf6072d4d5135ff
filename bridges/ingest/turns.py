"""Whose turn it is: spaces in turn, and within a space its devices."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from bridges.ingest.delivery import Delivery


@dataclass(slots=True, eq=False)
class DeviceQueue:
    """The messages of one device that wait to be stored."""

    uid: str
    space: int
    waiting: deque[Delivery] = field(default_factory=deque)
    bytes: int = 0
    not_before: int = 0
    """Microseconds: the remainder of a message that is stored in parts is first, and has to wait so long."""


class Turns:
    """Round robin in two levels: a space with a thousand devices has as many turns as one with a single device."""

    def __init__(self) -> None:
        self._spaces: dict[int, deque[DeviceQueue]] = {}
        self._order: deque[int] = deque()

    def __bool__(self) -> bool:
        return bool(self._order)

    def add(self, queue: DeviceQueue) -> None:
        """The device is the last of its space."""
        devices = self._spaces.get(queue.space)
        if devices is None:
            devices = self._spaces[queue.space] = deque()
            self._order.append(queue.space)
        devices.append(queue)

    def add_first(self, queue: DeviceQueue) -> None:
        """The device is the next one."""
        if queue.space in self._spaces:
            self._order.remove(queue.space)
        self._order.appendleft(queue.space)
        self._spaces.setdefault(queue.space, deque()).appendleft(queue)

    def take(self) -> DeviceQueue:
        """Removes the next device. Its space is the last one then."""
        space = self._order.popleft()
        devices = self._spaces[space]
        queue = devices.popleft()
        if devices:
            self._order.append(space)
        else:
            del self._spaces[space]
        return queue
