"""Connections by the devices they watch: those that watch the same ones form an audience and share its frames."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dashboards.live.connection import Connection


class Audience:
    """Connections with the same set of wanted devices."""

    __slots__ = ("connections", "devices")

    def __init__(self, devices: frozenset[int]) -> None:
        self.devices = devices
        self.connections: set[Connection] = set()


class Audiences:
    """The index from a device to its audiences.

    A page may subscribe to a thousand devices one by one. So a connection whose streams changed is only noted, and is
    moved to its new audience when the next event needs it.
    """

    def __init__(self) -> None:
        self._by_set: dict[frozenset[int], Audience] = {}
        self._by_device: dict[int, set[Audience]] = {}
        self._of_connection: dict[Connection, Audience] = {}
        self._moved: set[Connection] = set()

    def note(self, connection: Connection) -> None:
        """The streams of the connection have changed."""
        self._moved.add(connection)

    def remove(self, connection: Connection) -> None:
        self._moved.discard(connection)
        self._leave(connection)

    def of(self, device_id: int) -> Collection[Audience]:
        """The audiences of a device, each connection in one of them."""
        if self._moved:
            self._settle()
        return self._by_device.get(device_id, ())

    def connections_of(self, device_id: int) -> Iterator[Connection]:
        for audience in self.of(device_id):
            yield from tuple(audience.connections)

    def _settle(self) -> None:
        moved, self._moved = self._moved, set()
        for connection in moved:
            devices = connection.devices
            audience = self._of_connection.get(connection)
            if audience is not None and audience.devices == devices:
                continue
            self._leave(connection)
            if devices:
                self._enter(connection, devices)

    def _enter(self, connection: Connection, devices: frozenset[int]) -> None:
        audience = self._by_set.get(devices)
        if audience is None:
            audience = self._by_set[devices] = Audience(devices)
            for device in devices:
                self._by_device.setdefault(device, set()).add(audience)
        audience.connections.add(connection)
        self._of_connection[connection] = audience

    def _leave(self, connection: Connection) -> None:
        audience = self._of_connection.pop(connection, None)
        if audience is None:
            return
        audience.connections.discard(connection)
        if audience.connections:
            return
        del self._by_set[audience.devices]
        for device in audience.devices:
            self._by_device[device].discard(audience)
            if not self._by_device[device]:
                del self._by_device[device]
