"""Topic filters: what they match, and how they lie to one another. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

RESERVED = ("devices", "gateways", "responses")
"""First levels of topics that belong to the hub's own accounts, and to no source."""


def is_reserved(topic_or_filter: str) -> bool:
    """Whether it can reach nothing but what belongs to no source."""
    return topic_or_filter.startswith("$") or topic_or_filter.split("/", 1)[0] in RESERVED


def is_filter(text: str) -> bool:
    """Whether `+` and `#` stand where MQTT lets them stand."""
    *parents, last = text.split("/")
    plain = [level for level in (*parents, last) if level != "+" and not (level == "#" and level is last)]
    return bool(text) and text.isprintable() and not any(set(level) & set("+#") for level in plain)


def matches(topic_filter: str, topic: str) -> bool:
    """Whether the filter matches the topic. A wildcard at the beginning matches nothing that is reserved."""
    return not is_reserved(topic) and covers(topic_filter, topic)


def covers(outer: str, inner: str) -> bool:
    """Whether the filter `outer` matches all that the filter or topic `inner` does."""
    wide, narrow = outer.split("/"), inner.split("/")
    for number, level in enumerate(wide):
        if level == "#":
            return True
        if number >= len(narrow) or narrow[number] == "#" or (level != "+" and level != narrow[number]):
            return False
    return len(wide) == len(narrow)


def overlap(one: str, other: str) -> bool:
    """Whether there is a topic that both filters match."""
    left, right = one.split("/"), other.split("/")
    for a, b in zip(left, right, strict=False):
        if "#" in (a, b):
            return True
        if a != b and "+" not in (a, b):
            return False
    shorter, longer = sorted((left, right), key=len)
    return len(shorter) == len(longer) or longer[len(shorter) :] == ["#"]


def disjoint(filters: Iterable[str]) -> list[str]:
    """Filters that cover these, none of which overlaps another: a broker may send a message once for each subscription
    that it matches, and its readings would be stored as often."""
    found = list(dict.fromkeys(filters))
    while pair := next((both for both in combinations(found, 2) if overlap(*both)), None):
        wider = _union(*pair)
        found = [wider, *(each for each in found if each not in pair and each != wider)]
    return sorted(found)


def _union(one: str, other: str) -> str:
    ours, theirs = one.split("/"), other.split("/")
    found: list[str] = []
    for a, b in zip(ours, theirs, strict=False):
        if "#" in (a, b):
            return "/".join([*found, "#"])
        found.append(a if a == b else "+")
    return "/".join(found if len(ours) == len(theirs) else [*found, "#"])
