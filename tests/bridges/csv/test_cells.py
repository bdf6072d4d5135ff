"""Cells: every reading comes back as it was written, and no spreadsheet mistakes one for a formula."""

from __future__ import annotations

import csv
import io
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridges.csv import reader, writer
from bridges.csv.cells import TimeFormatter, read_time, read_value, write_stored, write_text
from devices.errors import Refusal
from devices.telemetry.columns import to_columns
from devices.values import MAX_TEXT, Sample, Value, now_us

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
VALUES = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=60)
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", "-2+3", "=cmd|' /C calc'!A0"]
LOOK_ALIKES = [
    "",
    " ",
    "'",
    "''",
    "'x",
    "21.5",
    " 21.5 ",
    "1e5",
    ".5",
    "5.",
    "true",
    "False",
    " TRUE",
    "NaN",
    "-inf",
    "007",
]


@given(st.lists(st.tuples(NAMES, st.integers(0, now_us()), VALUES), max_size=20))
@example([("a", 0, 2**60), ("a", 1, -0.0), ("a", 2, 1e-320), ("a", 3, True), ("a", 4, -(2**63)), ("a", 5, 1e300)])
@example([("a,b", 0, 'x,"y"'), ('"', 1_000, "line 1\r\nline 2\n"), ("=1", 2_001, "x;y"), ("'a", 1, "\u2028")])
@example([("a", i, text) for i, text in enumerate(FORMULAS + LOOK_ALIKES)])
@example([("a", 0, "x" * MAX_TEXT), ("a", 1, '"' * MAX_TEXT), ("a", 2, "\U0001f600" * MAX_TEXT)])
def test_a_written_file_is_read_as_what_was_stored(readings: list[tuple[str, int, Value]]) -> None:
    file = writer.HEADER + b"".join(writer.lines(name, [(time, *to_columns(value))]) for name, time, value in readings)
    found = [cell.result for cell in reader.read(io.BytesIO(file), now_us())]
    assert all(isinstance(one, Sample) for one in found), found
    stored = [(one.metric, one.time, to_columns(one.value)) for one in found if isinstance(one, Sample)]
    expected = [(name, time, to_columns(value)) for name, time, value in readings]
    assert repr(stored) == repr(expected)  # repr: -0.0 equals 0.0


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_becomes_a_formula(text: str) -> None:
    [cell] = next(csv.reader([write_text(text)]))
    assert cell == f"'{text}"


@pytest.mark.parametrize(
    ("value", "cell"),
    [(-5, "-5"), (-0.5, "-0.5"), (40.0, "40"), (True, "true"), (2**60, str(2**60)), (-0.0, "-0.0"), (1e22, "1e+22")],
)
def test_a_number_stays_a_number_and_a_negative_one_is_not_a_formula(value: Value, cell: str) -> None:
    assert write_stored(*to_columns(value)) == cell


@pytest.mark.parametrize("text", ["auto", "a b", "21.5 °C", "1,5 bar", "grün", "x=1", "e5", "1.2.3", "2026-01-01"])
def test_a_plain_text_has_no_apostrophe(text: str) -> None:
    [cell] = next(csv.reader([write_text(text)]))
    assert cell == text


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("21.5", 21.5),
        (" 21.5 ", 21.5),
        ("+3", 3),
        ("007", 7),
        ("TRUE", True),
        ("1e-320", 1e-320),
        ("", None),
        ("  ", None),
        ("1,5", "1,5"),
        ("'21.5", "21.5"),
        ("open", "open"),
        ("٣", "٣"),
    ],
)
def test_cells_of_other_tools_are_read(cell: str, value: Value | None) -> None:
    found = read_value(cell)
    assert (found, type(found)) == (value, type(value))


def test_a_comma_is_the_decimal_point_if_asked_for() -> None:
    assert read_value("-21,5", decimal_comma=True) == -21.5
    assert read_value("a,b", decimal_comma=True) == "a,b"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("NaN", "not_finite"),
        ("-Infinity", "not_finite"),
        ("1e999", "not_finite"),
        (str(2**63), "out_of_range"),
        ("1" * 65, "number_too_long"),
        ("0." + "1" * 65, "number_too_long"),
        ("x" * 1025, "text_too_long"),
        ("a\0b", "nul_character"),
    ],
)
def test_invalid_values_are_refused_as_over_mqtt(cell: str, reason: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_value(cell)
    assert refusal.value.reason == reason


def test_times_have_microseconds_only_if_needed() -> None:
    times = TimeFormatter()
    texts = [times.text(time) for time in (0, 1, 1_700_000_000_123_000, 1_700_000_000_123_456)]
    assert texts == [
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:00.000001Z",
        "2023-11-14T22:13:20.123Z",
        "2023-11-14T22:13:20.123456Z",
    ]


@pytest.mark.parametrize(
    "cell",
    ["1700000000123", "2023-11-14T22:13:20.123Z", " 2023-11-14 22:13:20.123", "2023-11-15T00:13:20.123+02:00"],
)
def test_times_are_read_as_milliseconds_or_iso_8601(cell: str) -> None:
    assert read_time(cell) == 1_700_000_000_123_000


@pytest.mark.parametrize("cell", ["", "yesterday", "1" * 30, "1" * 100, "-1", "14.11.2023", "1.5e12", "\0"])
def test_any_other_time_is_refused_by_name(cell: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_time(cell)
    assert refusal.value.reason in ("timestamp_invalid", "number_too_long")


def test_the_sign_of_zero_is_kept() -> None:
    value = read_value(write_stored(-0.0, None))
    assert isinstance(value, float)
    assert math.copysign(1, value) == -1
