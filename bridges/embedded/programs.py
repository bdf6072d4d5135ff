"""Programs at the embedded broker: they sign in as a person, with an API token, and have the person's rights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User

from bridges.announcing import home_assistant
from bridges.broker import SessionLimits
from bridges.mqtt import topics
from devices import access
from devices.spaces import tokens

PREFIX = "person:"
"""Before the username in the name of a principal. No uid holds a colon, so a person and a device of the same name have
different sessions, client ids and retained messages."""
RESPONSES = "responses"
LIMITS = SessionLimits(
    queue_messages=20_000, queue_bytes=8 << 20, in_flight=500, subscriptions=200, pool_bytes=64 << 20
)
"""A program may watch thousands of devices, so its session holds more than that of a device. Beyond these bounds the
newest messages are dropped, and counted; the sessions of all programs together hold `pool_bytes`."""
NO_TOKEN = 0
MOST_SESSIONS = 10_000
"""Of one person, where CONNECTION_LIMIT is off: as many as the broker has connections."""


@dataclass(frozen=True, slots=True)
class ProgramPrincipal:
    """A program of `person`, which signed in with the token `token_id`. `watched`: the uids of the person's devices.

    When the person's rights change, its sessions get a new one (`program_rights`).
    """

    person: User
    token_id: int
    watched: frozenset[str]
    reads_statistics: bool

    @property
    def loses_foreign_wills(self) -> bool:
        """Home Assistant sets a will on `homeassistant/status`, and nobody can change that before its first login."""
        return True

    @property
    def limits(self) -> SessionLimits:
        return LIMITS

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.person.get_username()}"

    @property
    def sessions(self) -> int:
        return settings.CONNECTION_LIMIT or MOST_SESSIONS

    @property
    def response_information(self) -> str | None:
        return response_space(self.person.get_username())

    def may_publish(self, topic: str) -> bool:
        """Whether the person may command the device is asked for each message: the answer may change at any time."""
        return topics.parse_set(topic) is not None

    def may_subscribe(self, topic_filter: str) -> bool:
        if settings.HA_DISCOVERY and topic_filter.startswith(f"{home_assistant.PREFIX}/"):
            return True
        return topics.may_match_reports(topic_filter, self.watched) or self._is_response(topic_filter)

    def may_receive(self, topic: str) -> bool:
        uid = topics.reported_by(topic) or home_assistant.announced(topic)
        return uid in self.watched or self._is_response(topic)

    def _is_response(self, topic_or_filter: str) -> bool:
        space = self.response_information
        return space is not None and topic_or_filter.startswith(space)


def response_space(username: str) -> str | None:
    """The beginning of the topics on which the hub responds to programs of this person; none for a username that
    would change the topic."""
    return None if set(username) & set("/+#") else f"{RESPONSES}/{username}/"


def username_of(account: str) -> str | None:
    """The person whose program has this account; `None` for a device."""
    return account.removeprefix(PREFIX) if account.startswith(PREFIX) else None


def authenticate(username: str, token: str) -> ProgramPrincipal | None:
    """The program of the person `username`, if the token is theirs and they are active."""
    found = tokens.of_person(username, token)
    return None if found is None else _principals([(found.user, found.pk)])[0]


def existing(accounts: Iterable[str]) -> dict[str, ProgramPrincipal]:
    """For sessions that outlive a restart, by name. Nobody has signed in to them yet, so they have no token."""
    people = tokens.holders_called(name for each in accounts if (name := username_of(each)) is not None)
    return {principal.name: principal for principal in _principals([(person, NO_TOKEN) for person in people])}


@dataclass(frozen=True, slots=True)
class Standing:
    """What has changed. `gone`: nobody can sign in to their accounts any more. `revoked`: their tokens are gone.
    `replaced`: pairs of an old and a new principal, also of the revoked, whose sessions may be signed in to again."""

    gone: list[ProgramPrincipal]
    revoked: list[ProgramPrincipal]
    replaced: list[tuple[ProgramPrincipal, ProgramPrincipal]]


def check(principals: Iterable[ProgramPrincipal]) -> Standing:
    """Compares principals with the database."""
    known = list(principals)
    valid = tokens.valid({principal.token_id for principal in known})
    holders = tokens.holders({principal.person.pk for principal in known})
    renewed = _principals([(each.person, each.token_id if each.token_id in valid else NO_TOKEN) for each in known])
    return Standing(
        gone=[each for each in known if holders.get(each.person.pk) != each.person.get_username()],
        revoked=[each for each in known if each.token_id not in valid],
        replaced=[(old, new) for old, new in zip(known, renewed, strict=True) if old != new],
    )


def any_ended(principals: Iterable[ProgramPrincipal]) -> bool:
    """Whether a token of theirs is gone, or its person deactivated. Cheaper than `check`."""
    used = {principal.token_id for principal in principals} - {NO_TOKEN}
    return tokens.valid(used) != used


def _principals(logins: list[tuple[User, int]]) -> list[ProgramPrincipal]:
    watched = access.watched_by({person.pk for person, _ in logins})
    administrators = {person for person in {person for person, _ in logins} if access.is_hub_administrator(person)}
    return [
        ProgramPrincipal(person, token_id, watched.get(person.pk, frozenset()), person in administrators)
        for person, token_id in logins
    ]
