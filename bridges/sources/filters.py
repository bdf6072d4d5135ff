"""Topic filters compared with each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations


def overlap(one: str, other: str) -> bool:
    """Whether a topic may be of both filters."""
    ours, theirs = one.split("/"), other.split("/")
    for a, b in zip(ours, theirs, strict=False):
        if "#" in (a, b):
            return True
        if a != b and "+" not in (a, b):
            return False
    longer = max(ours, theirs, key=len)
    return len(ours) == len(theirs) or longer[min(len(ours), len(theirs))] == "#"


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
