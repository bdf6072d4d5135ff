"""Notices messages that the channel layer lost, by the running numbers of their sources. Pure."""

from __future__ import annotations


class RunningNumbers:
    """The last number that was received from each source in each group."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], int] = {}

    def has_gap(self, group: str, source: str, n: int, *, expected: int, lost: bool) -> bool:
        """Records `n`; returns whether a message is missing, that is, whether `n` is not `expected` past the last one.

        If no earlier number is known, `lost` decides: with it the source reports that the layer did not accept its
        last message, which it may have sent after the group was joined.
        """
        last = self._last.get((group, source))
        self._last[group, source] = n
        return lost if last is None else n != last + expected

    def forget(self, group: str) -> None:
        """Forgets the group: its numbers go on while nobody receives them, which is not a gap."""
        for key in [key for key in self._last if key[0] == group]:
            del self._last[key]
