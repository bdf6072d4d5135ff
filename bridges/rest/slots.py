"""How many of something heavy may be under way at once."""

from __future__ import annotations

from devices.errors import TooMany


class Slots:
    """At most `most` at once in this process; there is no queue. `what` names them in the error."""

    def __init__(self, what: str, most: int) -> None:
        self._what = what
        self._most = most
        self.taken = 0

    def __enter__(self) -> None:
        """Raises `TooMany`."""
        if self.taken >= self._most:
            raise TooMany(f"{self._most} {self._what} are under way; try again when one has ended")
        self.taken += 1

    def __exit__(self, *error: object) -> None:
        self.taken -= 1
