from __future__ import annotations

import pytest

from bridges.rest.times import parse
from devices.errors import Invalid


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("0", 0),
        ("1700000000000", 1_700_000_000_000_000),
        ("1970-01-01", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T02:00:00 02:00", 0),
        ("1970-01-01T02:00:00.5 0200", 500_000),
        ("1970-01-01 02:00", 7_200_000_000),  # an hour and a minute, not an offset
        ("9999-12-31T23:59:59.999999", 253_402_300_799_999_999),
    ],
)
def test_a_time_is_milliseconds_or_iso_8601(text: str, microseconds: int) -> None:
    assert parse("start", text) == microseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "now",
        "-1",
        "1.5",
        "1e3",
        "٣",
        "1700000000000\n",
        "9" * 16,
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00+23:59",
    ],
)
def test_anything_else_is_refused_with_the_name_of_the_parameter(text: str) -> None:
    with pytest.raises(Invalid, match=r"^start "):
        parse("start", text)
