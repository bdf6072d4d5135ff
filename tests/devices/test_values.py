from __future__ import annotations

import pytest

from devices.telemetry.columns import from_columns, to_columns
from devices.values import Role, Value, is_storable, is_uid


@pytest.mark.parametrize("text", ["a", "pump-1", "A_b-9", "x" * 64])
def test_a_uid_has_up_to_64_plain_characters(text: str) -> None:
    assert is_uid(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a b", "a/b", "a+", "#", "$SYS", "pump-1\n", "é", "٣", "a.b", "\0"])
def test_nothing_else_is_a_uid(text: str) -> None:
    assert not is_uid(text)


@pytest.mark.parametrize(("text", "storable"), [("", True), ("é\n🙂", True), ("a\0b", False), ("\ud800", False)])
def test_the_database_holds_neither_nul_nor_half_of_a_surrogate_pair(text: str, storable: bool) -> None:
    assert is_storable(text) is storable


def test_each_role_includes_the_ones_below() -> None:
    assert Role.VIEWER < Role.OPERATOR < Role.MANAGER


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
def test_a_stored_value_comes_back_as_it_was(value: Value) -> None:
    found = from_columns(*to_columns(value))
    assert found == value
    assert type(found) is type(value)


def test_a_whole_double_comes_back_as_an_integer() -> None:
    assert type(from_columns(*to_columns(40.0))) is int


@pytest.mark.parametrize(("value", "number"), [(True, 1.0), (40, 40.0), (2**60, 2.0**60), ("open", None)])
def test_whatever_a_chart_can_draw_has_a_number(value: Value, number: float | None) -> None:
    assert to_columns(value)[0] == number
