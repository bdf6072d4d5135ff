from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import Invalid
from devices.rooms.chat.arguments import first, value


@pytest.mark.parametrize(
    ("text", "word", "rest"),
    [
        ("", "", ""),
        ("speed", "speed", ""),
        ("speed 40", "speed", "40"),
        ("speed \t 40  percent", "speed", "40  percent"),
        ("phase.l1\n7", "phase.l1", "7"),
        ('"oil pressure" 4', "oil pressure", "4"),
        ('"oil pressure"4', "oil pressure", "4"),
        (r'"a \"b\" \\" x', 'a "b" \\', "x"),
        ('"" x', "", "x"),
        ('say"so" x', 'say"so"', "x"),
    ],
)
def test_the_first_word_may_be_quoted(text: str, word: str, rest: str) -> None:
    assert first(text) == (word, rest)


@pytest.mark.parametrize("text", ['"', '"oil', '"oil\\"', '"a\\qb"', '"a\nb"'])
def test_unclosed_or_broken_quotes_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="quotes"):
        first(text)


@pytest.mark.parametrize("text", [r'"\u0000"', r'"a\u0000b" 4', r'"a\nb"', r'"\u202ea" 4', "a\u202eb 4"])
def test_a_word_with_unprintable_characters_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="printable"):
        first(text)


@given(st.text(max_size=40).filter(str.isprintable), st.text("ab1 ", max_size=10))
def test_any_name_can_be_written_in_quotes(name: str, rest: str) -> None:
    assert first(f"{msgspec.json.encode(name).decode()} {rest}") == (name, rest.strip())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("40", 40),
        ("-1.5e3", -1500.0),
        ("true", True),
        ("null", None),
        ('"40"', "40"),
        ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}),
        ("auto", "auto"),
        ("it's on", "it's on"),
        ("True", "True"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1e999", "1e999"),
        ("0x10", "0x10"),
        ("40 %", "40 %"),
        ('"open', '"open'),
        ("[" * 2000, "[" * 2000),
    ],
)
def test_a_value_is_parsed_as_json_or_else_kept_as_text(text: str, expected: Any) -> None:
    found = value(text)
    assert (found, type(found)) == (expected, type(expected))
