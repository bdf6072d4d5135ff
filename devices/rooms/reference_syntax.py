"""What a text refers to: people (`@bob`) and values of devices (`@pump-1.temperature`). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_REFERENCES = 20
"""Of one text; what comes after them stays plain text."""

# A reference begins a word: the address in `anna@example.org` is none.
_REFERENCE = re.compile(r"(?<![\w@.+-])@([\w@+.-]{1,200})")
_ENDS = ".-+@"
"""What may stand in a name, and at its end rather is the sentence's."""


def candidates(text: str) -> list[str]:
    """What may be meant by each reference, without its `@`, in the order of the text."""
    return [match[1] for match, _ in zip(_REFERENCE.finditer(text), range(MAX_REFERENCES), strict=False)]


def readings_of(candidate: str) -> Iterator[str]:
    """The names that a candidate may be, longest first: `bob.` is `bob.`, or `bob` at the end of a sentence."""
    while candidate:
        yield candidate
        if candidate[-1] not in _ENDS:
            return
        candidate = candidate[:-1]


def as_metric(name: str) -> tuple[str, str] | None:
    """`(uid, metric)` of `pump-1.phase.l1`."""
    uid, dot, metric = name.partition(".")
    return (uid, metric) if dot and uid and metric else None
