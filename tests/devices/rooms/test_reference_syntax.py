from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rooms.reference_syntax import MAX_REFERENCES, as_metric, candidates, possible_names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@bob", ["bob"]),
        ("(@bob), @carol!", ["bob", "carol"]),
        ("hello @bob.", ["bob."]),
        ("is @pump-1.phase.l1 high?", ["pump-1.phase.l1"]),
        ("@anna@example.org", ["anna@example.org"]),
        ("write to anna@example.org", []),
        ("a@b @", []),
        ("@@bob", ["@bob"]),
        ("@é", ["é"]),
        ("@bob\n@carol", ["bob", "carol"]),
        ("@bob/@carol", ["bob", "carol"]),
    ],
)
def test_a_reference_starts_with_an_at_sign_at_the_start_of_a_word(text: str, found: list[str]) -> None:
    assert candidates(text) == found


def test_references_over_the_limit_stay_plain_text() -> None:
    assert candidates(" ".join(f"@p{i}" for i in range(100))) == [f"p{i}" for i in range(MAX_REFERENCES)]


@pytest.mark.parametrize(
    ("candidate", "readings"),
    [
        ("bob", ["bob"]),
        ("bob.", ["bob.", "bob"]),
        ("bob...", ["bob...", "bob..", "bob.", "bob"]),
        ("...", ["...", "..", "."]),
    ],
)
def test_a_name_is_tried_with_and_without_trailing_dots(candidate: str, readings: list[str]) -> None:
    assert list(possible_names(candidate)) == readings


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("pump-1.speed", ("pump-1", "speed")),
        ("pump-1.phase.l1", ("pump-1", "phase.l1")),
        ("pump-1", None),
        ("pump-1.", None),
        (".speed", None),
    ],
)
def test_a_metric_reference_is_split_into_device_and_metric(name: str, metric: tuple[str, str] | None) -> None:
    assert as_metric(name) == metric


LETTERS = string.ascii_letters + string.digits
NAMES = st.tuples(st.text(LETTERS + "_-.", max_size=30), st.sampled_from(LETTERS)).map("".join)
WORDS = st.text(string.ascii_letters + " ,;:!?()\n", max_size=30)


@given(st.lists(st.tuples(WORDS, NAMES), max_size=10), WORDS)
def test_every_name_after_an_at_sign_is_found(parts: list[tuple[str, str]], end: str) -> None:
    text = "".join(f"{words} @{name} " for words, name in parts) + end
    assert candidates(text) == [name for _, name in parts]


@given(st.text(st.sampled_from("@@ab.-_ \n") | st.characters(), max_size=300))
def test_every_candidate_occurs_in_the_text(text: str) -> None:
    for candidate in candidates(text):
        assert f"@{candidate}" in text
        readings = list(possible_names(candidate))
        assert readings[0] == candidate
        assert all(candidate.startswith(reading) for reading in readings)
