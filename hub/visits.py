"""The open connections of this process: their deadlines, and how many one address may have that have not signed in."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable

from django.conf import settings

from devices.runtime import stats
from hub.http_deadlines import Deadline, Phase

logger = logging.getLogger("hubbub")

IPV6_NETWORK = 64
"""Bits of an IPv6 address that count: whoever has one of these networks has all of its addresses."""

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
        self._network = "" if host is None or _is_proxy(host) else network_of(host)
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
            next(iter(strangers)).cut("address")

    def cut(self, reason: str) -> None:
        stats.connections_cut.labels(reason).inc()
        self.end()
        self._cut(reason)

    def _expire(self, phase: Phase) -> None:
        self.cut(phase.value)


def network_of(host: str) -> str:
    """`203.0.113.7` is itself, `2001:db8::7` is `2001:db8::/64`; anything else counts as one address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_NETWORK), strict=False))
    return str(address)


def _is_proxy(host: str) -> bool:
    """A proxy brings the connections of everybody, and has a limit of its own."""
    proxies = getattr(settings, "TRUSTED_PROXIES", ())
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in proxy for proxy in proxies)
