"""Who is in a room, over all web processes: what a back end promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

TTL_S = 25.0
"""How long a report holds. With `roster.LOOK_S` after it, who was in a process that was killed has left within 35 s."""


@dataclass(frozen=True, slots=True)
class Report:
    """Usernames: who is in a room through this process, and who is so no longer."""

    here: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()


class Forgotten(Exception):
    """What all processes had reported is lost: everything has to be reported again."""


class Presence(Protocol):
    """One process's way to what all processes have reported. Every back end promises:

    - Somebody is in a room while any process's report of them holds. Through how many processes, and through how many
      connections, makes no difference: they are named once.
    - A report holds for the back end's TTL and is renewed by being made again, so that what a process reported goes
      when the process does. No process's clock counts in this.
    - `gone` takes back what this process has reported, and no other's.
    - An empty report changes nothing: it is a look.
    - What is asked with a report is answered with the report in it.
    - Nothing is kept of a room in which nobody is.
    - A back end that is away raises, and works again once it is back. Where it has forgotten everything meanwhile, each
      process's next report raises `Forgotten`.
    """

    async def report(self, rooms: Mapping[int, Report]) -> dict[int, frozenset[str]]:
        """Takes the reports, by id of the room, and says who is in each of these rooms."""
        ...

    async def close(self) -> None: ...
