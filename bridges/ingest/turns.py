"""Round robin over spaces, and over the devices within each space."""

from __future__ import annotations

from collections import deque

from bridges.ingest.delivery import Delivery


class DeviceQueue:
    """The messages of one device that wait to be stored.

    `not_before` (microseconds): the remainder of a message that is stored in parts is first, and has to wait so long.
    """

    __slots__ = ("bytes", "not_before", "space", "uid", "waiting")

    def __init__(self, uid: str, space: int) -> None:
        self.uid, self.space = uid, space
        self.waiting: deque[Delivery] = deque()
        self.bytes = self.not_before = 0


class Turns:
    """Round robin in two levels: a space with a thousand devices has as many turns as one with a single device."""

    def __init__(self) -> None:
        self._devices: dict[int, deque[DeviceQueue]] = {}
        self.spaces: deque[int] = deque()
        """Those that have a device here, the next one first."""

    def add(self, queue: DeviceQueue) -> None:
        """The device is the last of its space."""
        devices = self._devices.get(queue.space)
        if devices is None:
            self._devices[queue.space] = deque([queue])
            self.spaces.append(queue.space)
        else:
            devices.append(queue)

    def add_first(self, queue: DeviceQueue) -> None:
        """The device is the next one."""
        devices = self._devices.get(queue.space)
        if devices is None:
            devices = self._devices[queue.space] = deque()
        else:
            self.spaces.remove(queue.space)
        self.spaces.appendleft(queue.space)
        devices.appendleft(queue)

    def take(self) -> DeviceQueue:
        """Removes the next device. Its space is the last one then."""
        spaces = self.spaces
        devices = self._devices[spaces[0]]
        queue = devices.popleft()
        if not devices:
            del self._devices[spaces.popleft()]
        elif len(spaces) > 1:
            spaces.rotate(-1)
        return queue
