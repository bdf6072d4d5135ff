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
    ("text", "accepted"),
    [
        ("hello", "hello"),
        ("  hello\n", "hello"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("x" * MAX_TEXT, "x" * MAX_TEXT),
        (" " + "x" * MAX_TEXT + " ", "x" * MAX_TEXT),
        ("👩‍🚒 نعم שלום", "👩‍🚒 نعم שלום"),
        (
            "👩‍❤️‍👨 ❤️ 1️⃣ 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "👩‍❤️‍👨 ❤️ 1️⃣ 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        ),
        ("می\u200cخواهم क्\u200dष 辻\U000e0100", "می\u200cخواهم क्\u200dष 辻\U000e0100"),
        ("⠀⠁⠀", "⠀⠁⠀"),
    ],
)
def test_a_text_is_accepted_without_surrounding_white_space(text: str, accepted: str) -> None:
    assert checked(text) == accepted


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "1 to 2,000"),
        (" \n\t", "1 to 2,000"),
        ("x" * (MAX_TEXT + 1), "1 to 2,000"),
        ("nul\0", "U+0000"),
        ("bell\x07", "U+0007"),
        ("a\rb", "U+000D"),
        ("c\x85d", "U+0085"),
        ("half \ud83d", "U+D83D"),
        ("\u2800\u2800", "1 to 2,000"),
        ("\u200b", "U+200B"),
        ("pass\u200dword", "U+200D"),
        ("pass\u200cword", "U+200C"),
        ("a\ufe0fb", "U+FE0F"),
        ("soft\u00adhyphen", "U+00AD"),
        ("\u3164", "U+3164"),
        ("hi\U000e0068\U000e0069", "U+E0068"),
        ("\ufeffx", "U+FEFF"),
        ("👩\u200d\u200d🚒", "U+200D"),
        *[(f"a{control}b", f"U+{ord(control):04X}") for control in BIDI],
    ],
)
def test_an_invalid_text_is_refused_with_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint.replace("+", r"\+")):
        checked(text)


@given(st.text(max_size=2100))
def test_an_accepted_text_is_short_and_visible_and_accepted_unchanged_again(text: str) -> None:
    try:
        accepted = checked(text)
    except Invalid:
        return
    assert 1 <= len(accepted) <= MAX_TEXT
    assert not set(accepted) & set(BIDI)
    assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in accepted.replace("\n", "").replace("\t", ""))
    accepted.encode()
    assert checked(accepted) == accepted


@given(st.text(string.printable + "äöüßéñжΩ", max_size=50))
def test_folding_ignores_case(text: str) -> None:
    assert folded(text.upper()) == folded(text.lower()) == folded(text)


@pytest.mark.parametrize(("text", "words"), [("Straße", "STRASSE"), ("ﬁsh", "Fish"), ("Ångström", "ÅNGSTRÖM")])
def test_folding_makes_equivalent_spellings_match(text: str, words: str) -> None:
    assert folded(words) in folded(text)
