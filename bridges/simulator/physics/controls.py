"""What can be set on a machine: how a page offers it, and which values it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass


class CommandRefused(Exception):
    """A command that is not executed; the text tells the sender why."""


class UnknownCommand(CommandRefused):
    """The machine has no such command."""


class BadArgument(CommandRefused):
    """The command is known, its arguments are not usable."""


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    @property
    def offer(self) -> str:
        """The `controls.<arg>` attribute."""
        return "switch"

    def check(self, name: str, value: object) -> bool:
        """`value` if it can be set. Raises `BadArgument`."""
        if not isinstance(value, bool):
            raise BadArgument(f"{name} must be true or false")
        return value


@dataclass(frozen=True, slots=True)
class Slider:
    """A number from `low` to `high`; `step` is what a page offers, values between are taken too."""

    low: float
    high: float
    step: float = 1

    @property
    def offer(self) -> str:
        """The `controls.<arg>` attribute."""
        return f"slider {self.low:g} {self.high:g} {self.step:g}"

    def check(self, name: str, value: object) -> float:
        """`value` if it can be set. Raises `BadArgument`."""
        # `True` is an int to Python, and no speed.
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or not self.low <= value <= self.high:  # type: ignore[operator]
            raise BadArgument(f"{name} must be a number from {self.low:g} to {self.high:g}")
        return float(value)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def offer(self) -> str:
        """The `controls.<arg>` attribute."""
        return f"choice {' '.join(self.words)}"

    def check(self, name: str, value: object) -> str:
        """`value` if it can be set. Raises `BadArgument`."""
        if not isinstance(value, str) or value not in self.words:
            raise BadArgument(f"{name} must be one of: {', '.join(self.words)}")
        return value


Control = Switch | Slider | Choice
