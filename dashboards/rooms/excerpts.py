"""Excerpts of messages with the words of a search marked. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from devices.log.text import folded

LENGTH = 240
"""Characters of an excerpt."""
LEAD = 60
"""Characters of an excerpt before its first hit."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; `is_hit`: it is one of the words."""

    text: str
    is_hit: bool = False


def excerpt(text: str, words: str) -> list[Piece]:
    """The text around the first of the words, in one line; `…` stands for the parts left out."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    hits = _spans(line, folded(words).split())
    start = max(0, hits[0][0] - LEAD) if hits and len(line) > LENGTH else 0
    end = min(len(line), start + LENGTH)
    pieces = list(_cut(line, start, end, hits))
    if start:
        pieces.insert(0, Piece("…"))
    if end < len(line):
        pieces.append(Piece("…"))
    return pieces


def _spans(line: str, words: Iterable[str]) -> list[Span]:
    """The positions of the folded words in the line, in order and without overlap."""
    origins: list[int] = []  # of each folded character: the index of its character in the line
    for index, character in enumerate(line):
        origins += [index] * len(folded(character))
    whole = "".join(folded(character) for character in line)
    found = sorted((origins[at], origins[at + len(word) - 1] + 1) for word in words for at in _all(whole, word))
    return list(_merged(found))


def _all(whole: str, word: str) -> Iterator[int]:
    at = whole.find(word)
    while at >= 0:
        yield at
        at = whole.find(word, at + len(word))


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    last: Span | None = None
    for span in spans:
        if last is not None and span[0] <= last[1]:
            last = (last[0], max(last[1], span[1]))
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


def _cut(line: str, start: int, end: int, hits: Iterable[Span]) -> Iterator[Piece]:
    at = start
    for first, after in hits:
        first, after = max(first, start), min(after, end)
        if first >= after:
            continue
        if at < first:
            yield Piece(line[at:first])
        yield Piece(line[first:after], is_hit=True)
        at = after
    if at < end:
        yield Piece(line[at:end])
