"""How filters lie to one another."""

from __future__ import annotations

import pytest

from bridges.sources.filters import covers, disjoint, is_filter, matches, overlap


@pytest.mark.parametrize(
    ("outer", "inner", "is_covered"),
    [
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "a/#", True),
        ("a/#", "a/+/c", True),
        ("a/+", "a/b", True),
        ("a/+", "a/+", True),
        ("a/+", "a/#", False),
        ("a/b", "a/+", False),
        ("a/+/c", "a/b", False),
        ("+/status", "x/status", True),
        ("+/status", "#", False),
    ],
)
def test_a_filter_covers_another(outer: str, inner: str, is_covered: bool) -> None:
    assert covers(outer, inner) is is_covered


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


@pytest.mark.parametrize("topic", ["devices/pump/status", "gateways/g/status", "$SYS/broker", "responses/bob/x"])
def test_what_belongs_to_the_hub_is_never_matched(topic: str) -> None:
    assert not matches("#", topic)
    assert not matches("+/+/status", topic)


@pytest.mark.parametrize(
    ("text", "is_valid"), [("a/+/#", True), ("#", True), ("+", True), ("a/#/b", False), ("a+", False), ("", False)]
)
def test_wildcards_stand_where_mqtt_lets_them(text: str, is_valid: bool) -> None:
    assert is_filter(text) is is_valid
