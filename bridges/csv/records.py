"""A file cut into records: one line each, or several where a quoted cell holds line ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_RECORD = 64 * 1024
"""Bytes of one record. A quote that never closes would otherwise swallow the rest of the file."""
EXCERPT = 200
"""Bytes of a broken record that are kept for the report."""


@dataclass(frozen=True, slots=True)
class Record:
    """`line` is the number of its first line, from 1; `broken` the reason for which it is refused, if it is."""

    line: int
    content: bytes
    broken: str = ""


class RecordReader:
    """Iterates over the records of `file`. After a broken record it goes on with the next line.

    Two stray quotes turn all lines between them into one record. A caller that finds such a record invalid calls
    `split_last`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unread: deque[bytes] = deque()  # lines read ahead, to be read again
        self._last: list[bytes] = []  # the lines of the last record
        self._line = 1

    def split_last(self) -> bytes:
        """Returns the first line of the last record; iteration goes on with its second line."""
        first, *others = self._last
        self._unread.extendleft(reversed(others))
        self._line -= len(others)
        self._last = [first]
        return first.rstrip(b"\r\n")

    def __iter__(self) -> Iterator[Record]:
        while line := self._next_line():
            if len(line) > MAX_RECORD:
                self._skip_rest_of(line)
                yield self._record([line[:EXCERPT]], "line_too_long")
                continue
            lines = self._until_quotes_close(line)
            yield self._record([line[:EXCERPT]], "invalid_csv") if lines is None else self._record(lines)

    def _record(self, lines: list[bytes], broken: str = "") -> Record:
        start = self._line
        self._line += len(lines)
        self._last = lines
        return Record(start, b"".join(lines).rstrip(b"\r\n"), broken)

    def _next_line(self) -> bytes:
        return self._unread.popleft() if self._unread else self._file.readline(MAX_RECORD + 1)

    def _skip_rest_of(self, line: bytes) -> None:
        while line and not line.endswith(b"\n"):
            line = self._next_line()

    def _until_quotes_close(self, line: bytes) -> list[bytes] | None:
        """The lines of the record that begins with `line`; `None` if its quotes do not close within `MAX_RECORD`."""
        lines, size = [line], len(line)
        odd = line.count(b'"') % 2
        while odd and size <= MAX_RECORD and (more := self._next_line()):
            lines.append(more)
            size += len(more)
            odd ^= more.count(b'"') % 2
        if odd or size > MAX_RECORD:
            self._unread.extendleft(reversed(lines[1:]))
            return None
        return lines
