"""Controls of a machine: how a page offers them, and the values they accept."""

from __future__ import annotations

import math
from dataclasses import dataclass


class CommandRefused(Exception):
    """A command that is not executed; the text gives the reason."""


class UnknownCommand(CommandRefused):
    """The machine has no such command."""


class BadArgument(CommandRefused):
    """The command exists, but its arguments are invalid."""


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    @property
    def offer(self) -> str:
        """The `controls.<arg>` attribute."""
        return "switch"

    def check(self, name: str, value: object) -> bool:
        """Returns `value` if it may be set. Raises `BadArgument`."""
        if not isinstance(value, bool):
            raise BadArgument(f"{name} must be true or false")
        return value


@dataclass(frozen=True, slots=True)
class Slider:
    """A number from `low` to `high`. A page offers multiples of `step`; values in between are accepted too."""

    low: float
    high: float
    step: float = 1

    @property
    def offer(self) -> str:
        """The `controls.<arg>` attribute."""
        return f"slider {self.low:g} {self.high:g} {self.step:g}"

    def check(self, name: str, value: object) -> float:
        """Returns `value` if it may be set. Raises `BadArgument`."""
        # `True` is an int in Python, but not a speed.
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or not self.low <= value <= self.high:  # type: ignore[operator]
            raise BadArgument(f"{name} must be a number from {self.low:g} to {self.high:g}")
        return float(value)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few options."""

    options: tuple[str, ...]

    @property
    def offer(self) -> str:
        """The `controls.<arg>` attribute."""
        return f"choice {' '.join(self.options)}"

    def check(self, name: str, value: object) -> str:
        """Returns `value` if it may be set. Raises `BadArgument`."""
        if not isinstance(value, str) or value not in self.options:
            raise BadArgument(f"{name} must be one of: {', '.join(self.options)}")
        return value


Control = Switch | Slider | Choice
