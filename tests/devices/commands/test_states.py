from __future__ import annotations

from typing import Any

import pytest

from devices.commands.states import agree


@pytest.mark.parametrize(
    ("wanted", "reported"),
    [
        (True, True),
        (True, 1),
        (True, "ON"),
        (1, True),
        ("ON", True),
        ("on", "ON"),
        ("true", 1),
        (False, 0),
        ("OFF", False),
        (0, "off"),
        (40, 40),
        (40, 40.0),
        (21.3, 21.299999237060547),
        ("21.50", 21.5),
        (21.5, "21.50"),
        (0, 0.0000001),
        (1, 1.0004),
        (2**60, 2**60),
        ("Auto", "auto"),
        ("eco ", "eco"),
    ],
)
def test_the_same_state_in_other_words(wanted: Any, reported: Any) -> None:
    assert agree(wanted, reported)


@pytest.mark.parametrize(
    ("wanted", "reported"),
    [
        (True, False),
        ("ON", "OFF"),
        (True, 2),
        (1, 0),
        (40, 41),
        (21.5, 21.6),
        (0.001, 0.002),
        ("auto", "eco"),
        ("auto", True),
        ("", 0),
        (10**400, 1.0),
        ("nan", 5),
    ],
)
def test_another_state(wanted: Any, reported: Any) -> None:
    assert not agree(wanted, reported)
