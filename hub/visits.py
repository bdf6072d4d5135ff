"""The open connections of this process: their deadlines, and how many an address or an account may have.

Without a bound for those that have signed in, one account could occupy all file descriptors with idle connections.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db.models import Model

from devices.runtime import stats
from devices.runtime.addresses import is_within, network_of
from hub.http_deadlines import Deadline, Phase

logger = logging.getLogger("hubbub")

BUSY_SHARE = 5
"""How many times `ADDRESS_LIMIT` an address may have of connections whose request is being answered, as when many
people behind it come back at once after a restart. Those that the hub waits for are cut off first."""

ACCOUNT_LIMIT = 200
"""Connections on which one person or device has signed in. Beyond it, the oldest of those without a request is closed;
none is closed while its request is being answered."""

_strangers: dict[str, dict[Visit, None]] = {}
"""Address -> its connections that have not signed in, the oldest first."""
_accounts: dict[str, dict[Visit, None]] = {}
"""Person or device -> the connections on which it has signed in, the oldest first."""


class Visit:
    """One connection, from its first byte to its last. It is a stranger's until a request on it has signed in."""

    __slots__ = ("_account", "_cut", "_network", "deadline")

    def __init__(
        self, host: str | None, cut: Callable[[str], None], makes_progress: Callable[[Phase], bool] | None = None
    ) -> None:
        """`cut(reason)` ends the connection; `host` is `None` for a Unix socket. For the rest see `Deadline`."""
        self._cut = cut
        self._network = _network(host)
        self._account = ""
        self.deadline = Deadline(self._expire, makes_progress)
        if self._network:
            self._enter()
        self.deadline.wait_for(Phase.HEADERS)

    def sign_in(self, who: Model) -> None:
        """A person or a device is known on this connection: it counts for them, and not for its address any more."""
        self.sign_in_as(f"{who._meta.label}:{who.pk}")

    def sign_in_as(self, account: str) -> None:
        """The same, where the account is known by name."""
        counts = self._network or self._account  # not a proxy's, whose requests come from many accounts
        if counts and account != self._account:
            self._leave()
            self._account = account
            self._enter_account()

    def end(self) -> None:
        """The connection is closed, and counts for nobody."""
        self._leave()
        self.deadline.end()

    def _leave(self) -> None:
        _remove(self, _strangers, self._network)
        _remove(self, _accounts, self._account)
        self._network = self._account = ""

    def _enter(self) -> None:
        strangers = _strangers.setdefault(self._network, {})
        strangers[self] = None
        if 0 < settings.ADDRESS_LIMIT < len(strangers):
            if oldest := _oldest_waiting(strangers):
                oldest.cut("address")
            elif len(strangers) > BUSY_SHARE * settings.ADDRESS_LIMIT:
                next(iter(strangers)).cut("address")

    def _enter_account(self) -> None:
        visits = _accounts.setdefault(self._account, {})
        visits[self] = None
        if len(visits) > ACCOUNT_LIMIT and (oldest := _oldest_waiting(visits)):
            oldest.cut("account")

    def cut(self, reason: str) -> None:
        stats.connections_cut.labels(reason).inc()
        self.end()
        self._cut(reason)

    def _expire(self, phase: Phase) -> None:
        self.cut(phase.value)


def _oldest_waiting(visits: dict[Visit, None]) -> Visit | None:
    """The oldest one whose client has to send something; not one whose request is being answered."""
    return next((visit for visit in visits if visit.deadline.phase is not Phase.NOTHING), None)


def _remove(visit: Visit, groups: dict[str, dict[Visit, None]], key: str) -> None:
    visits = groups.get(key, {})
    visits.pop(visit, None)
    if not visits:
        groups.pop(key, None)


def _network(host: str | None) -> str:
    """What the connection counts for; empty where it counts for nobody: a Unix socket, and a proxy, which brings the
    connections of everybody and has a limit of its own."""
    if host is None or is_within(host, settings.TRUSTED_PROXIES):
        return ""
    return network_of(host) or host
