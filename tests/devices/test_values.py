from __future__ import annotations

import pytest

from devices.values import Role, is_storable, is_uid


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
