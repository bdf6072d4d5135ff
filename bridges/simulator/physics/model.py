"""The base of every simulated machine: time in small steps, a `set` command, buttons and attributes."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from bridges.simulator.physics.controls import BadArgument, Control, UnknownCommand

Value = float | bool | str
Readings = dict[str, Value | dict[str, float]]
"""Value by metric. The names of a nested object become dotted ones in the hub: `phase.l1`."""
Settings = dict[str, Value]

MAX_STEP_S = 0.5
"""Longer steps are cut into these, so that the curves do not depend on the interval of the telemetry."""


class Model(ABC):
    """One machine, independent of MQTT and of the system clock.

    `seed` determines its noise, `start_s` (seconds since 1970) its place in slow cycles and counters, so that these
    continue where they were when the process is started again.
    """

    MODEL: ClassVar[str]
    FIRMWARE: ClassVar[str]
    UNITS: ClassVar[Mapping[str, str]]
    """Unit by metric; nested metrics have dotted names."""
    CONTROLS: ClassVar[Mapping[str, Control]] = {}
    """Arguments of the `set` command. The metric of the same name has the current value."""
    BUTTONS: ClassVar[Mapping[str, str]] = {}
    """Label of the button by command; these commands have no arguments."""
    TIMESTAMPS: ClassVar[bool] = True
    """False: it sends plain objects, and the hub uses the time of receipt."""

    def __init__(self, seed: int = 0, start_s: float = 0.0) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - weather, not secrets

    def step(self, dt_s: float) -> None:
        """Lets `dt_s` seconds pass."""
        while dt_s > 0:
            self._advance(min(dt_s, MAX_STEP_S))
            dt_s -= MAX_STEP_S

    def command(self, name: str, args: Mapping[str, object]) -> Settings:
        """Executes a command and returns the resulting values.

        Raises `UnknownCommand` or `BadArgument` (both `CommandRefused`) without changing anything.
        """
        if name == "set":
            return self._set(args)
        if name not in self.BUTTONS:
            raise UnknownCommand(f"unknown command {name!r}; known here: {', '.join(['set', *self.BUTTONS])}")
        if args:
            raise BadArgument(f"{name} takes no arguments")
        return self._press(name)

    def attributes(self) -> dict[str, str]:
        """Slow facts as a flat object: model, firmware, and what a page needs to draw units and controls."""
        return {
            "model": self.MODEL,
            "firmware": self.FIRMWARE,
            **{f"units.{metric}": unit for metric, unit in self.UNITS.items()},
            **{f"controls.{name}": control.offer for name, control in self.CONTROLS.items()},
            **{f"commands.{name}": f"button {label}" for name, label in self.BUTTONS.items()},
        }

    @abstractmethod
    def readings(self) -> Readings:
        """The current value of each metric, rounded to the resolution of the sensor."""

    @abstractmethod
    def _advance(self, dt_s: float) -> None:
        """Lets at most `MAX_STEP_S` pass."""

    def _apply(self, settings: Settings) -> None:
        """Applies checked settings, whose keys are in `CONTROLS`."""
        for name, value in settings.items():
            setattr(self, name, value)

    def _press(self, button: str) -> Settings:
        """Executes a command of `BUTTONS`."""
        raise NotImplementedError(button)

    def _set(self, args: Mapping[str, object]) -> Settings:
        if not args:
            raise BadArgument(f"set needs at least one of: {', '.join(self.CONTROLS)}")
        unknown = [name for name in args if name not in self.CONTROLS]
        if unknown:
            raise BadArgument(f"{unknown[0]!r} cannot be set; these can: {', '.join(self.CONTROLS)}")
        # All arguments are checked before one is applied, so that no command is executed by half.
        self._apply({name: self.CONTROLS[name].check(name, value) for name, value in args.items()})
        now = self.readings()
        return {name: value for name in args if not isinstance(value := now[name], dict)}
