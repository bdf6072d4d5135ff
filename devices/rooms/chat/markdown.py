"""Escapes foreign text within an answer, which is Markdown. Pure."""

from __future__ import annotations

import re

_MARKS = re.compile(r"[\\`*_{}\[\]()<>#+!|~&-]")


def plain(text: str) -> str:
    """The text with everything escaped that Markdown would interpret, so that no name becomes a link."""
    return _MARKS.sub(r"\\\g<0>", text)


def code(text: str) -> str:
    """The text as code, in as many backticks as it takes."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, pad = "`" * (longest + 1), " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{fence}{pad}{text}{pad}{fence}"
