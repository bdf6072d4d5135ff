"""A rainwater tank with a level probe and a refill valve."""

from __future__ import annotations

from typing import Literal

from bridges.simulator.physics.controls import Choice
from bridges.simulator.physics.model import Model, Readings
from bridges.simulator.physics.motion import Drift, clamp, relax

CAPACITY_L = 500.0
USE_L_PER_S = 2.0
REFILL_L_PER_S = 6.0
REFILL_BELOW, REFILL_ABOVE = 30.0, 85.0
"""Percent of the capacity at which the automatic valve opens and closes."""
PIPE_S = 1.5
"""Time constant of the refill's flow."""

Valve = Literal["auto", "open", "closed"]


class Tank(Model):
    """The level rises and falls between two thresholds. A simple probe without a clock: it sends plain objects."""

    MODEL = "Cistern LevelSense"
    FIRMWARE = "1.0.7"
    UNITS = {"level": "%", "volume": "l", "inflow": "l/min", "outflow": "l/min", "temperature": "°C"}
    CONTROLS = {"valve": Choice(("auto", "open", "closed"))}
    TIMESTAMPS = False

    def __init__(self, seed: int = 0, start_s: float = 0.0) -> None:
        super().__init__(seed, start_s)
        self.valve: Valve = "auto"
        self._filling = False
        self._volume = CAPACITY_L * self._rng.uniform(0.45, 0.8)
        self._inflow = 0.0
        self._use = Drift(self._rng, spread=0.25, tau_s=20)
        self._water = Drift(self._rng, spread=0.8, tau_s=120)

    def readings(self) -> Readings:
        return {
            "level": round(self._level(), 1),
            "volume": round(self._volume),
            "inflow": round(60 * self._inflow, 1),
            "outflow": round(60 * self._outflow(), 1),
            "temperature": round(14 + self._water.value, 1),
            "valve": self.valve,
            "filling": self._filling,
        }

    def _advance(self, dt_s: float) -> None:
        self._use.step(dt_s)
        self._water.step(dt_s)
        self._filling = self._wants_water()
        self._inflow = relax(self._inflow, REFILL_L_PER_S if self._filling else 0.0, PIPE_S, dt_s)
        # Water above the rim overflows.
        self._volume = clamp(self._volume + (self._inflow - self._outflow()) * dt_s, 0, CAPACITY_L)

    def _apply(self, settings: dict[str, float | bool | str]) -> None:
        super()._apply(settings)
        self._filling = self._wants_water()

    def _wants_water(self) -> bool:
        if self.valve != "auto":
            return self.valve == "open"
        return self._level() < (REFILL_ABOVE if self._filling else REFILL_BELOW)

    def _outflow(self) -> float:
        return USE_L_PER_S * (1 + self._use.value) if self._volume > 0 else 0.0

    def _level(self) -> float:
        return 100 * self._volume / CAPACITY_L
