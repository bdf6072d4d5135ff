from __future__ import annotations

import pytest

from devices.telemetry.columns import from_columns, to_columns
from devices.values import Role, Value, is_storable, is_uid


@pytest.mark.parametrize("text", ["a", "pump-1", "A_b-9", "x" * 64])
def test_a_uid_has_1_to_64_plain_characters(text: str) -> None:
    assert is_uid(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a b", "a/b", "a+", "#", "$SYS", "pump-1\n", "é", "٣", "a.b", "\0"])
def test_any_other_text_is_not_a_uid(text: str) -> None:
    assert not is_uid(text)


@pytest.mark.parametrize(("text", "storable"), [("", True), ("é\n🙂", True), ("a\0b", False), ("\ud800", False)])
def test_nul_and_lone_surrogates_are_not_storable(text: str, storable: bool) -> None:
    assert is_storable(text) is storable


def test_roles_are_ordered() -> None:
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
def test_a_value_survives_storage_unchanged(value: Value) -> None:
    found = from_columns(*to_columns(value))
    assert found == value
    assert type(found) is type(value)


def test_a_whole_number_stored_as_a_double_is_read_as_an_integer() -> None:
    assert type(from_columns(*to_columns(40.0))) is int


@pytest.mark.parametrize(("value", "number"), [(True, 1.0), (40, 40.0), (2**60, 2.0**60), ("open", None)])
def test_every_value_a_chart_can_draw_is_stored_as_a_number(value: Value, number: float | None) -> None:
    assert to_columns(value)[0] == number
