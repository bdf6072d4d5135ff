"""Topic filters compared with each other."""

from __future__ import annotations

import pytest

from bridges.sources.filters import disjoint, overlap


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/+/c", "a/b/+", True),
        ("a/+", "a/b/c", False),
        ("a/+/c", "a/b/d", False),
        ("a/#", "b/#", False),
        ("a/b/#", "a/+", True),
    ],
)
def test_filters_that_may_cover_the_same_topic(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is expected
    assert overlap(other, one) is expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["a/+", "a/b", "c"], ["a/+", "c"]),
        (["a/+/c", "a/b/+"], ["a/+/+"]),
        (["a/+", "a/+/b"], ["a/+", "a/+/b"]),
        (["a/b/#", "a/+"], ["a/+/#"]),
        (["a/+/x", "a/b/+", "a/c/d/#"], ["a/+/+/#"]),
        (["a/#", "a/#"], ["a/#"]),
    ],
)
def test_no_message_is_of_two_filters(filters: list[str], expected: list[str]) -> None:
    found = disjoint(filters)
    assert not any(overlap(one, other) for one in found for other in found if one != other)
    assert found == expected
