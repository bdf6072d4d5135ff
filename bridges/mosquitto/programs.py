"""The programs that sign in at Mosquitto as a person, and the people who cannot. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from devices.spaces.login import Login

NAMES_SHOWN = 20
_USERNAME = re.compile(r"[^\s:/+#\x00-\x1f\x7f]+")
"""What password file and ACL can hold: a `/` or a wildcard would change the topic of a rule, the others its line."""


@dataclass(frozen=True, slots=True)
class Program:
    """A person whose programs may read what these devices report. `hashed` is their newest token as a `$7$` hash."""

    username: str
    hashed: str = field(repr=False)
    watched: frozenset[str]


@dataclass(frozen=True, slots=True)
class Programs:
    """`excluded`: username -> why this person has no account at Mosquitto, although they have a token."""

    accepted: list[Program]
    excluded: dict[str, str]

    def exclusions(self) -> str:
        """All of them in one line."""
        named = [f"{username!r} ({reason})" for username, reason in sorted(self.excluded.items())]
        more = [f"{len(named) - NAMES_SHOWN} more"] if len(named) > NAMES_SHOWN else []
        return ", ".join([*named[:NAMES_SHOWN], *more])


def programs(
    logins: Iterable[Login], watched: Mapping[int, frozenset[str]], served: Set[str], uids: Set[str], bridge: str
) -> Programs:
    """Those who may watch any of the devices that the broker has (`served`).

    `watched`: person -> uids. `uids`: those of all devices, served by this broker or not.
    """
    found = Programs([], {})
    for login in sorted(logins, key=lambda login: login.username):
        own = watched.get(login.person_id, frozenset()).intersection(served)
        reason = _exclusion(login, uids, bridge)
        if own and reason:
            found.excluded[login.username] = reason
        elif own:
            found.accepted.append(Program(login.username, login.hashed, own))
    return found


def _exclusion(login: Login, uids: Set[str], bridge: str) -> str:
    if login.username == bridge:
        return "the name of the bridge"
    if login.username in uids:
        return "also the uid of a device"
    if not _USERNAME.fullmatch(login.username):
        return "a character that Mosquitto's files cannot hold"
    return "" if login.hashed else "only older tokens: create a new one"
