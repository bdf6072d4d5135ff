from __future__ import annotations

import pytest

from dashboards.rooms.excerpts import LENGTH, Piece, excerpt


def shown(text: str, words: str) -> str:
    """The excerpt with its hits in brackets."""
    return "".join(f"[{piece.text}]" if piece.is_hit else piece.text for piece in excerpt(text, words))


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("The pump is loud", "pump", "The [pump] is loud"),
        ("Pump, PUMP, pumpkin", "pUmP", "[Pump], [PUMP], [pump]kin"),
        ("valves and pumps", "pump valve", "[valve]s and [pump]s"),
        ("overlap", "over verla", "[overla]p"),
        ("aaaa", "aa", "[aaaa]"),
        ("nothing of it", "pump", "nothing of it"),
        ("nothing asked", "", "nothing asked"),
        ("two\n\n lines", "lines", "two [lines]"),
        ("Straße 7", "STRASSE", "[Straße] 7"),
        ("cafe\u0301 au lait", "café", "[café] au lait"),
        ("the ﬁlter", "filter", "the [ﬁlter]"),
        ("<b>pump</b>", "pump", "<b>[pump]</b>"),
    ],
)
def test_it_marks_the_words_that_search_finds(text: str, words: str, expected: str) -> None:
    assert shown(text, words) == expected


def test_it_shows_the_surroundings_of_the_first_hit_in_a_long_text() -> None:
    found = excerpt("before " * 100 + "pump" + " after" * 100, "pump")
    assert found[0] == found[-1] == Piece("…")
    assert Piece("pump", is_hit=True) in found
    assert sum(len(piece.text) for piece in found) == LENGTH + 2


def test_it_shows_the_beginning_of_a_long_text_without_a_hit() -> None:
    assert shown("x" * 1000, "pump") == "x" * LENGTH + "…"


def test_a_hit_that_ends_past_the_excerpt_is_cut() -> None:
    found = excerpt("a " + "b" * 2000, "b" * 300)
    assert found[-1] == Piece("…")
    assert sum(len(piece.text) for piece in found) == LENGTH + 1
