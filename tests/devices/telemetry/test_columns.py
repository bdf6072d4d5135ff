from __future__ import annotations

import pytest

from devices.telemetry.columns import from_columns, to_columns
from devices.values import Value


@pytest.mark.parametrize(
    "value",
    [
        0,
        1,
        -1,
        21.5,
        -0.25,
        1e300,
        5e-324,
        True,
        False,
        "open",
        "",
        "true",
        "12",
        "é 🙂",
        2**53,
        2**60,
        2**63 - 1,
        -(2**63),
    ],
)
def test_a_value_survives_storage_unchanged(value: Value) -> None:
    found = from_columns(*to_columns(value))
    assert found == value
    assert type(found) is type(value)


def test_a_whole_number_stored_as_a_double_is_read_as_an_integer() -> None:
    assert type(from_columns(*to_columns(40.0))) is int


@pytest.mark.parametrize(("value", "number"), [(True, 1.0), (40, 40.0), (2**60, 2.0**60), ("open", None)])
def test_every_value_a_chart_can_draw_is_stored_as_a_number(value: Value, number: float | None) -> None:
    assert to_columns(value)[0] == number
