"""The open connections of this process: their deadlines, and how many one address may have that have not signed in."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings

from devices.runtime import stats
from devices.runtime.addresses import is_within, network_of
from hub.http_deadlines import Deadline, Phase

logger = logging.getLogger("hubbub")

BUSY_SHARE = 5
"""How many times `ADDRESS_LIMIT` an address may have of connections whose request is being answered, as when many
people behind it come back at once after a restart. Those that the hub waits for are cut off first."""

_strangers: dict[str, dict[Visit, None]] = {}
"""Address -> its connections that have not signed in, the oldest first."""


class Visit:
    """One connection, from its first byte to its last. It is a stranger's until a request on it has signed in."""

    __slots__ = ("_cut", "_network", "deadline")

    def __init__(
        self, host: str | None, cut: Callable[[str], None], makes_progress: Callable[[Phase], bool] | None = None
    ) -> None:
        """`cut(reason)` ends the connection; `host` is `None` for a Unix socket. For the rest see `Deadline`."""
        self._cut = cut
        self._network = _network(host)
        self.deadline = Deadline(self._expire, makes_progress)
        if self._network:
            self._enter()
        self.deadline.wait_for(Phase.HEADERS)

    def sign_in(self) -> None:
        """A person or a device is known on this connection: it does not count against its address any more."""
        if self._network:
            strangers = _strangers.get(self._network, {})
            strangers.pop(self, None)
            if not strangers:
                _strangers.pop(self._network, None)
            self._network = ""

    def end(self) -> None:
        """The connection is closed, and so counts neither."""
        self.sign_in()
        self.deadline.end()

    def _enter(self) -> None:
        strangers = _strangers.setdefault(self._network, {})
        strangers[self] = None
        if 0 < settings.ADDRESS_LIMIT < len(strangers):
            waiting = (visit for visit in strangers if visit.deadline.phase is not Phase.NOTHING)
            if oldest := next(waiting, None):
                oldest.cut("address")
            elif len(strangers) > BUSY_SHARE * settings.ADDRESS_LIMIT:
                next(iter(strangers)).cut("address")

    def cut(self, reason: str) -> None:
        stats.connections_cut.labels(reason).inc()
        self.end()
        self._cut(reason)

    def _expire(self, phase: Phase) -> None:
        self.cut(phase.value)


def _network(host: str | None) -> str:
    """What the connection counts for; empty where it counts for nobody: a Unix socket, and a proxy, which brings the
    connections of everybody and has a limit of its own."""
    if host is None or is_within(host, settings.TRUSTED_PROXIES):
        return ""
    return network_of(host) or host
