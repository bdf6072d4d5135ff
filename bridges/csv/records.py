"""A file cut into records: the lines of a CSV file, and where a quoted cell holds line ends, all lines of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_RECORD = 64 * 1024
"""Bytes of one record. A quote that never closes would otherwise swallow the rest of the file."""
SHOWN = 200
"""Bytes of a broken record that are told."""


@dataclass(frozen=True, slots=True)
class Record:
    """`line` is the number of its first line, from 1; `broken` the reason why it is refused, if it is."""

    line: int
    content: bytes
    broken: str = ""


class Records:
    """Cuts `file`. Past a record that is broken it goes on with the next line.

    Two stray quotes make one record of all lines between them. Who finds that a record is none calls `retake`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._again: deque[bytes] = deque()  # lines looked at in vain for the end of a record
        self._taken: list[bytes] = []  # the lines of the record given last
        self._line = 1

    def retake(self) -> bytes:
        """Goes on with the second line of the last record; returns the first."""
        first, *others = self._taken
        self._again.extendleft(reversed(others))
        self._line -= len(others)
        self._taken = [first]
        return first.rstrip(b"\r\n")

    def __iter__(self) -> Iterator[Record]:
        while line := self._next():
            if len(line) > MAX_RECORD:
                self._skip_rest_of(line)
                yield self._take([line[:SHOWN]], "line_too_long")
                continue
            lines = self._until_quotes_close(line)
            yield self._take([line[:SHOWN]], "invalid_csv") if lines is None else self._take(lines)

    def _take(self, lines: list[bytes], broken: str = "") -> Record:
        start = self._line
        self._line += len(lines)
        self._taken = lines
        return Record(start, b"".join(lines).rstrip(b"\r\n"), broken)

    def _next(self) -> bytes:
        return self._again.popleft() if self._again else self._file.readline(MAX_RECORD + 1)

    def _skip_rest_of(self, line: bytes) -> None:
        while line and not line.endswith(b"\n"):
            line = self._next()

    def _until_quotes_close(self, line: bytes) -> list[bytes] | None:
        """The lines of the record that begins with `line`; `None` where its quotes do not close."""
        lines, size = [line], len(line)
        odd = line.count(b'"') % 2
        while odd and size <= MAX_RECORD and (more := self._next()):
            lines.append(more)
            size += len(more)
            odd ^= more.count(b'"') % 2
        if odd or size > MAX_RECORD:
            self._again.extendleft(reversed(lines[1:]))
            return None
        return lines
