"""Presence of people in rooms, over all web processes: the contract of its back ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

TTL_S = 25.0
"""How long a report holds. With `roster.LOOK_S` after it, a process that was killed has nobody left after 35 s."""


@dataclass(frozen=True, slots=True)
class PresenceReport:
    """Usernames: who is in a room through this process, and who no longer is."""

    here: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()


class PresenceForgotten(Exception):
    """The reports of all processes are lost: everything has to be reported again."""


class Presence(Protocol):
    """One process's access to the reports of all processes. Every back end promises:

    - A person is in a room while any process's report of them holds. They are named once, through however many
      processes and connections they are in it.
    - A report holds for the back end's TTL and is renewed by being made again, so that a process's reports expire
      with the process. No process's clock counts in this.
    - `gone` takes back what this process has reported, and nothing that others have.
    - An empty report changes nothing: it is a look.
    - The answer to a report takes account of the report.
    - Nothing is kept of a room that is empty.
    - A back end that is unavailable raises, and works again once it is back. Where it has forgotten everything
      meanwhile, each process's next report raises `PresenceForgotten`.
    """

    async def report(self, rooms: Mapping[int, PresenceReport]) -> dict[int, frozenset[str]]:
        """Accepts the reports, by id of the room, and returns who is in each of these rooms."""
        ...

    async def close(self) -> None: ...
