"""The rules for metric names and values, whatever format they come in."""

from __future__ import annotations

from typing import Any

from devices.errors import Refusal
from devices.values import MAX_NAME, MAX_TEXT

MAX_DIGITS = 64
"""Characters of one number; a double needs at most 24, its exact decimal form seldom more than 60."""


def check_name(name: str) -> None:
    """Raises the `Refusal` of a text that cannot be the name of a metric."""
    check_text(name)
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Refusal("name_invalid", ascii(name[:MAX_NAME]))


def check_value(value: Any) -> None:
    """Raises the `Refusal` of anything that cannot be the value of a metric."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise Refusal("text_too_long", f"{len(value)} characters")
        check_text(value)
    elif isinstance(value, float):
        if value - value != 0:  # true only for NaN and the infinities
            raise Refusal("not_finite", str(value))
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise Refusal("out_of_range")
    elif isinstance(value, Refusal):  # of a number that the parser would not read
        raise value
    else:
        raise Refusal("invalid_shape", "a value is a number, a boolean or a string")


def check_text(text: str) -> None:
    """Raises the `Refusal` of a text that PostgreSQL cannot store: it holds NUL or half of a surrogate pair."""
    if "\0" in text:
        raise Refusal("nul_character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Refusal("invalid_unicode") from None


def read_integer(text: str) -> int:
    """Raises `Refusal("number_too_long")`."""
    # The check comes before `int`, which takes quadratic time on thousands of digits.
    if len(text) > MAX_DIGITS:
        raise Refusal("number_too_long", f"{len(text)} digits")
    return int(text)


def read_float(text: str) -> float:
    """The result may be infinite, which `check_value` refuses. Raises `Refusal("number_too_long")`."""
    if len(text) > MAX_DIGITS:
        raise Refusal("number_too_long", f"{len(text)} characters")
    return float(text)
