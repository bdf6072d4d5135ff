from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import Invalid
from devices.log.text import MAX_TEXT, checked, folded

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("hello", "hello"),
        ("  hello\n", "hello"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("x" * MAX_TEXT, "x" * MAX_TEXT),
        (" " + "x" * MAX_TEXT + " ", "x" * MAX_TEXT),
        ("👩‍🚒 نعم שלום", "👩‍🚒 نعم שלום"),
    ],
)
def test_a_text_is_taken_without_white_space_around_it(text: str, taken: str) -> None:
    assert checked(text) == taken


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "1 to 2,000"),
        (" \n\t", "1 to 2,000"),
        ("x" * (MAX_TEXT + 1), "1 to 2,000"),
        ("nul\0", "U+0000"),
        ("bell\x07", "U+0007"),
        ("a\rb", "U+000D"),
        ("c\x85d", "U+0085"),
        ("half \ud83d", "U+D83D"),
        *[(f"a{control}b", f"U+{ord(control):04X}") for control in BIDI],
    ],
)
def test_what_a_text_cannot_hold_is_named(text: str, named: str) -> None:
    with pytest.raises(Invalid, match=named.replace("+", r"\+")):
        checked(text)


@given(st.text(max_size=2100))
def test_whatever_is_taken_is_short_visible_and_taken_again_as_it_is(text: str) -> None:
    try:
        taken = checked(text)
    except Invalid:
        return
    assert 1 <= len(taken) <= MAX_TEXT
    assert not set(taken) & set(BIDI)
    assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in taken.replace("\n", "").replace("\t", ""))
    taken.encode()
    assert checked(taken) == taken


@given(st.text(string.printable + "äöüßéñжΩ", max_size=50))
def test_the_case_of_a_text_makes_no_difference_to_search(text: str) -> None:
    assert folded(text.upper()) == folded(text.lower()) == folded(text)


@pytest.mark.parametrize(("text", "words"), [("Straße", "STRASSE"), ("ﬁsh", "Fish"), ("Ångström", "ÅNGSTRÖM")])
def test_what_looks_alike_is_found(text: str, words: str) -> None:
    assert folded(words) in folded(text)
