"""References in texts: people (`@bob`) and values of devices (`@pump-1.temperature`). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_REFERENCES = 20
"""References of one text; further ones stay plain text."""

# A reference begins a word, which the `@` in `anna@example.org` does not.
_REFERENCE = re.compile(r"(?<![\w@.+-])@([\w@+.-]{1,200})")
_ENDS = ".-+@"
"""Characters that a name may contain, but that belong to the sentence if they end it."""


def candidates(text: str) -> list[str]:
    """The text of each reference, without its `@`, in the order of the text."""
    return [match[1] for match, _ in zip(_REFERENCE.finditer(text), range(MAX_REFERENCES), strict=False)]


def possible_names(candidate: str) -> Iterator[str]:
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
