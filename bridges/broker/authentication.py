"""The contract of a login: the account of a connection and its rights. The hub brings the implementations."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from .limits import AccountLimits, SessionLimits

STATISTICS = "$SYS"
"""The first level of the broker's own topics. There are no others that begin with `$`."""


class Principal(Protocol):
    """The account a connection acts for: any frozen value with these members, and optionally

    - `account_limits: AccountLimits`, if it acts for many devices;
    - `limits: SessionLimits`, and `sessions: int`, how many of them it may have;
    - `response_information: str`, the beginning of the topics that its clients may use for responses (MQTT 5);
    - `reads_statistics: bool`, whether it may subscribe to `$SYS`;
    - `loses_foreign_wills: bool`, whether it may sign in with a will that it may not publish, which is then ignored.

    The broker remembers the answers, so they must not change: when somebody's rights change, give its sessions another
    principal (`Broker.replace`), or disconnect it (`Broker.disconnect`), so that the next login brings one.
    """

    @property
    def name(self) -> str:
        """The account: the MQTT user name. Sessions and retained messages are kept and counted per name."""

    def may_publish(self, topic: str) -> bool:
        """Whether messages to `topic` are accepted; asked for wills too. Never asked for topics that start with `$`."""

    def may_subscribe(self, topic_filter: str) -> bool:
        """Whether the filter is granted. A wildcard in it must not reach beyond what `may_receive` allows."""

    def may_receive(self, topic: str) -> bool:
        """Whether a message on `topic` that matches a granted filter is delivered, live or retained."""


class Authenticator(Protocol):
    """Finds the principal of a login."""

    async def authenticate(self, username: str, password: str) -> Principal | None:
        """The principal of these credentials, or None. An error means that it cannot be decided at the moment; the
        client may try again."""

    async def principals(self, names: Collection[str]) -> Mapping[str, Principal]:
        """Those that exist of these accounts, by name: their sessions outlive a restart, and may receive again."""


def session_limits(principal: Principal, usual: SessionLimits) -> SessionLimits:
    """The principal's own `limits`, if it has any: a client that serves the whole hub holds more than a device."""
    limits = getattr(principal, "limits", None)
    return limits if isinstance(limits, SessionLimits) else usual


def account_limits(principal: Principal) -> AccountLimits | None:
    """The principal's own `account_limits`, if it has any."""
    limits = getattr(principal, "account_limits", None)
    return limits if isinstance(limits, AccountLimits) else None


def response_information(principal: Principal) -> str | None:
    found = getattr(principal, "response_information", None)
    return found if isinstance(found, str) else None


def most_sessions(principal: Principal, usual: int) -> int:
    found = getattr(principal, "sessions", None)
    return found if isinstance(found, int) else usual


def may_subscribe(principal: Principal, topic_filter: str) -> bool:
    if topic_filter.startswith("$"):
        return _reads_statistics(principal) and topic_filter.split("/")[0] == STATISTICS
    return principal.may_subscribe(topic_filter)


def loses_foreign_wills(principal: Principal) -> bool:
    return getattr(principal, "loses_foreign_wills", False) is True


def may_receive(principal: Principal, topic: str) -> bool:
    return _reads_statistics(principal) if topic.startswith("$") else principal.may_receive(topic)


def _reads_statistics(principal: Principal) -> bool:
    return getattr(principal, "reads_statistics", False) is True
