"""The climate node of a greenhouse: sensors, a heater, a roof vent, and a controller."""

from __future__ import annotations

import math
from typing import Literal

from bridges.simulator.physics.controls import Choice, Slider, Switch
from bridges.simulator.physics.model import Model, Readings, Settings
from bridges.simulator.physics.motion import Drift, clamp, relax

DAY_S = 600.0
"""A day and a night pass in ten minutes, so that a visitor sees the curves bend."""
SUN_C = 15.0
"""By how much full sun warms the closed house above the outside."""
HEATER_C = 18.0
OPEN_VENT = 2.5
"""Heat lost through a fully open vent, as a multiple of the heat lost through the glass."""
GLASS_S = 45.0
VENT_MOTOR_S = 5.0
FULL_SUN_LX = 62_000.0
OUTSIDE_CO2 = 420.0


class Climate(Model):
    """In `auto`, heater and vent hold `target`. Setting either by hand changes to `manual`, in which both stay put.

    Plants release carbon dioxide at night and absorb it by day; an open vent brings it closer to the outside level.
    """

    MODEL = "Verdant Node"
    FIRMWARE = "3.1.0"
    UNITS = {
        "temperature": "°C",
        "humidity": "%",
        "co2": "ppm",
        "light": "lx",
        "outside": "°C",
        "target": "°C",
        "vent": "%",
    }
    CONTROLS = {
        "mode": Choice(("auto", "manual")),
        "target": Slider(10, 30, 0.5),
        "vent": Slider(0, 100, 5),
        "heater": Switch(),
    }

    def __init__(self, seed: int = 0, start_s: float = 0.0) -> None:
        super().__init__(seed, start_s)
        self.mode: Literal["auto", "manual"] = "auto"
        self.target = 21.0
        self.vent = 0.0
        self.heater = False
        self._opened = 0.0
        self._clock_s = start_s % DAY_S + self._rng.uniform(0, 60)
        self._clouds = Drift(self._rng, spread=0.16, tau_s=18)
        self._gusts = Drift(self._rng, spread=0.25, tau_s=8)
        self._temperature, self._humidity, self._co2 = 20.0, 66.0, 480.0

    def readings(self) -> Readings:
        return {
            "temperature": round(self._temperature, 2),
            "humidity": round(self._humidity, 1),
            "co2": round(self._co2),
            "light": round(FULL_SUN_LX * self._sun(), -1),
            "outside": round(self._outside(), 1),
            "mode": self.mode,
            "target": self.target,
            "vent": round(self._opened if self.mode == "auto" else self.vent),
            "heater": self.heater,
        }

    def _advance(self, dt_s: float) -> None:
        self._clock_s += dt_s
        self._clouds.step(dt_s)
        self._gusts.step(dt_s)
        if self.mode == "auto":
            self._control()
        self._opened = relax(self._opened, self.vent, VENT_MOTOR_S, dt_s)
        exchange = 1 + OPEN_VENT * self._opened / 100
        warmth = (SUN_C * self._sun() + HEATER_C * self.heater) / exchange
        settled = self._outside() + warmth + self._gusts.value
        self._temperature = relax(self._temperature, settled, GLASS_S / exchange, dt_s)
        moist = 66 + 12 * self._sun() - 1.5 * (self._temperature - 20) - 0.14 * self._opened
        self._humidity = relax(self._humidity, clamp(moist + 4 * self._gusts.value, 30, 97), 35, dt_s)
        breath = 330 * (1 - self._sun()) ** 2 - 130 * self._sun()
        self._co2 = relax(self._co2, OUTSIDE_CO2 + breath / exchange, 50 / exchange, dt_s)

    def _apply(self, settings: Settings) -> None:
        super()._apply(settings)
        if "mode" not in settings and ("vent" in settings or "heater" in settings):
            self.mode = "manual"  # otherwise the controller would undo the setting at once

    def _control(self) -> None:
        """The thermostat: two-point for the heater, proportional for the vent."""
        self.heater = self._temperature < self.target + (0.3 if self.heater else -0.5)
        self.vent = clamp(25 * (self._temperature - self.target - 1), 0, 100)

    def _sun(self) -> float:
        """Sunlight through the roof, 0 (night) to 1."""
        height = math.sin(2 * math.pi * (self._clock_s / DAY_S - 0.25))
        return clamp(max(0.0, height) ** 0.7 * (0.88 + self._clouds.value), 0, 1)

    def _outside(self) -> float:
        return 11 - 5.5 * math.cos(2 * math.pi * (self._clock_s / DAY_S - 0.08))
