"""Logins of sources at the embedded broker: held to exactly the topics of the source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bridges.broker import AccountLimits, SessionLimits
from bridges.embedded import shared_logins
from bridges.sources.conventions import make
from bridges.sources.filters import covers, is_reserved, matches
from devices.errors import Invalid
from devices.registry.sources import logins
from devices.registry.sources.models import SourceLogin

PREFIX = "source:"
"""Before the username in the name of a principal. No uid holds a colon."""


@dataclass(frozen=True, slots=True)
class SourcePrincipal:
    """Devices of a source, or their bridge. `filters`: all that they may publish, leave as a will and subscribe to."""

    username: str
    source_id: int
    filters: tuple[str, ...]
    max_payload: int

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.username}"

    @property
    def sessions(self) -> int:
        return shared_logins.MAX_CONNECTIONS

    @property
    def limits(self) -> SessionLimits:
        return shared_logins.LIMITS

    @property
    def account_limits(self) -> AccountLimits:
        return shared_logins.account_limits(self.max_payload)

    def may_publish(self, topic: str) -> bool:
        return any(matches(each, topic) for each in self.filters)

    may_receive = may_publish

    def may_subscribe(self, topic_filter: str) -> bool:
        return not is_reserved(topic_filter) and any(covers(each, topic_filter) for each in self.filters)


def authenticate(username: str, secret: str) -> SourcePrincipal | None:
    """The principal of a login, if the secret is its own."""
    login = logins.authenticate(username, secret)
    return None if login is None else _principal(login)


def existing(names: Iterable[str]) -> dict[str, SourcePrincipal]:
    """Those of these accounts that still exist, as they are now, by the names of their principals."""
    usernames = {name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)}
    found = (_principal(login) for login in logins.existing(usernames))
    return {principal.name: principal for principal in found if principal is not None}


def is_source(account: str) -> bool:
    """Whether it is the name of such a principal."""
    return account.startswith(PREFIX)


def _principal(login: SourceLogin) -> SourcePrincipal | None:
    source = login.source
    try:
        convention = make(source.convention, source.prefix, source.options)
    except Invalid:
        return None
    return SourcePrincipal(login.username, source.pk, tuple(convention.device_filters()), convention.max_payload)
