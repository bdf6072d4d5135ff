"""The changes that are still to be written. The later change of a thing replaces the earlier one."""

from __future__ import annotations

from dataclasses import dataclass, field

from .publication import Outgoing, Publication

MAX_CHANGES = 100_000
"""Changes held while they cannot be written. Past it they are given up, and all that there is is written instead."""


@dataclass(slots=True)
class Changes:
    """By topic, number of the session, and session and number of the message; None: it is gone."""

    retained: dict[str, tuple[Publication, str] | None] = field(default_factory=dict)
    sessions: dict[int, bool] = field(default_factory=dict)
    messages: dict[tuple[int, int], Outgoing | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.retained) + len(self.sessions) + len(self.messages)


class Journal:
    """Called on the event loop at each change; it only takes notes."""

    def __init__(self) -> None:
        self.incomplete = False
        """Whether changes have been given up."""
        self._changes = Changes()

    def take(self) -> Changes:
        """The changes up to now, which this forgets."""
        taken, self._changes = self._changes, Changes()
        for outgoing in taken.messages.values():
            if outgoing is not None:
                outgoing.stored = True
        return taken

    def give_up(self) -> None:
        """They could not be written."""
        self._changes = Changes()
        self.incomplete = True

    def retain(self, topic: str, kept: tuple[Publication, str] | None) -> None:
        self._changes.retained[topic] = kept
        self._check_room()

    def session(self, number: int, *, ended: bool = False) -> None:
        self._changes.sessions[number] = not ended
        self._check_room()

    def message(self, session: int, outgoing: Outgoing) -> None:
        self._changes.messages[session, outgoing.number] = outgoing
        self._check_room()

    def done(self, session: int, outgoing: Outgoing) -> None:
        """One that never got into the store need not be removed from it."""
        if outgoing.stored:
            self._changes.messages[session, outgoing.number] = None
        else:
            self._changes.messages.pop((session, outgoing.number), None)

    def _check_room(self) -> None:
        if len(self._changes.messages) > MAX_CHANGES or len(self._changes) > 2 * MAX_CHANGES:
            self.give_up()
