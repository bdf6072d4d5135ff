"""Patterns of topics, and texts with names in braces to be filled in. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bridges.sources.filters import RESERVED
from devices.errors import Invalid

MAX_LEVELS = 32

NAME = re.compile(r"\{([^{}]+)\}")
_LEVEL = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}", re.ASCII)
Lookup = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Pattern:
    """`{device}/{metric}`: each name stands for one level; `{metric...}` and `#` at the end for all that follow."""

    text: str
    filter: str
    _expression: re.Pattern[str]
    _rest: str

    @classmethod
    def of(cls, text: str, prefix: str) -> Pattern:
        """The pattern below `prefix`, or from the root if it begins with a slash. Raises `Invalid`."""
        levels = rooted(text, prefix).split("/")
        if len(levels) > MAX_LEVELS:
            raise Invalid(f"the topic {text!r} has more than {MAX_LEVELS} levels")
        wanted = [_wildcard(level, text) for level in levels]
        if "#" in wanted[:-1]:
            raise Invalid(f"the topic {text!r} has # or {{name...}} before its end")
        check_root(wanted[0], text)
        names = [found[1] for level in levels if (found := _LEVEL.fullmatch(level))]
        if len(set(names)) != len(names):
            raise Invalid(f"the topic {text!r} has a name twice")
        rest = names[-1] if wanted[-1] == "#" and levels[-1] != "#" else ""
        expression = "/".join(map(_expression, levels)).replace("/(?:/.*)?", "(?:/.*)?")
        return cls(text, "/".join(wanted), re.compile(expression, re.DOTALL), rest)

    def match(self, topic: str) -> dict[str, str] | None:
        """The levels by their names, if it is a topic of this pattern."""
        found = self._expression.fullmatch(topic)
        if found is None:
            return None
        names = found.groupdict()
        if self._rest:
            names[self._rest] = names[self._rest].replace("/", ".")
        return names


def _expression(level: str) -> str:
    """One level as a regular expression."""
    if level == "#":
        return "(?:/.*)?"
    if level == "+":
        return "[^/]*"
    named = _LEVEL.fullmatch(level)
    if named is None:
        return re.escape(level)
    return f"(?P<{named[1]}>.+)" if named[2] else f"(?P<{named[1]}>[^/]+)"


def rooted(text: str, prefix: str) -> str:
    return text[1:] if text.startswith("/") else f"{prefix}/{text}" if text else prefix


def check_root(level: str, text: str) -> None:
    """Raises `Invalid` for a topic that might be one of the hub's own."""
    if level in ("", "+", "#") or "{" in level:
        raise Invalid(f"the topic {text!r} needs a first level that is written out")
    if level in RESERVED or level.startswith("$"):
        raise Invalid(f"the topic {text!r} is among the hub's own or the broker's")


def _wildcard(level: str, text: str) -> str:
    if found := _LEVEL.fullmatch(level):
        return "#" if found[2] else "+"
    if level not in ("+", "#") and set(level) & set("+#{}\0"):
        raise Invalid(f"the topic {text!r} has a level {level!r} that mixes a name or + or # with other characters")
    return level


def fill(template: str, look_up: Lookup) -> str | None:
    """The text with each name in braces replaced; `None` if one of them has no value."""
    values = {name: look_up(name) for name in NAME.findall(template)}
    if any(not isinstance(value, (str, int, float)) or value == "" for value in values.values()):
        return None  # not an object, and not a number that was too long to be read
    return NAME.sub(lambda found: as_text(values[found[1]]), template)


def as_text(value: Any) -> str:
    """A value as it stands in a topic or a bare payload."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def read_back(template: str, text: str) -> Mapping[str, str] | None:
    """What the names of a template stood for where it gave this text, as far as that is certain."""
    names = NAME.findall(template)
    parts = [re.escape(part) for part in NAME.sub("\0", template).split("\0")]
    if len(set(names)) != len(names):
        return None
    found = re.fullmatch("([^/]+)".join(parts), text, re.DOTALL)
    return dict(zip(names, found.groups(), strict=True)) if found else None
