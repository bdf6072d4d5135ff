"""A three-phase energy meter at the service entrance, with a relay behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bridges.simulator.physics.controls import Switch
from bridges.simulator.physics.model import Model, Readings
from bridges.simulator.physics.motion import Drift, relax

PHASES = ("l1", "l2", "l3")
NOMINAL_V = 232.0
LINE_OHM = 0.32
"""Resistance of the supply: the voltage dips when an appliance is switched on."""
SWITCHING_S = 0.4
COUNTED_FROM_S = 1_735_689_600
"""2025-01-01, when the meter was installed."""
ASSUMED_KW = 3.2
"""A little above the mean of `APPLIANCES`, so that the counter never runs backwards at a start."""


@dataclass(frozen=True, slots=True)
class Appliance:
    """Its power in watts, and how long it is on and off on average."""

    phase: str
    watts: float
    on_s: float
    off_s: float


APPLIANCES = (
    Appliance("l1", 1900, 50, 70),  # heat pump
    Appliance("l1", 130, 30, 40),  # refrigerator
    Appliance("l2", 1700, 22, 90),  # oven
    Appliance("l2", 280, 120, 60),  # lighting
    Appliance("l3", 850, 40, 75),  # washing machine
    Appliance("l3", 1300, 7, 45),  # workshop saw
)
BASE_W = {"l1": 95.0, "l2": 70.0, "l3": 115.0}


class Meter(Model):
    """Appliances switch on and off; `relay` off cuts them all. `energy` only ever grows."""

    MODEL = "Gridwise 3P"
    FIRMWARE = "5.0.2"
    UNITS = {
        "power": "W",
        "energy": "kWh",
        "frequency": "Hz",
        **{f"phase.{phase}": "W" for phase in PHASES},
        **{f"voltage.{phase}": "V" for phase in PHASES},
    }
    CONTROLS = {"relay": Switch()}

    def __init__(self, seed: int = 0, start_s: float = 0.0) -> None:
        super().__init__(seed, start_s)
        self.relay = True
        self._running = [
            self._rng.random() < appliance.on_s / (appliance.on_s + appliance.off_s) for appliance in APPLIANCES
        ]
        self._watts = self._demand()
        self._energy_kwh = max(0.0, start_s - COUNTED_FROM_S) / 3600 * ASSUMED_KW
        self._hum = {phase: Drift(self._rng, spread=0.012, tau_s=2) for phase in PHASES}
        self._supply = {phase: Drift(self._rng, spread=0.9, tau_s=30) for phase in PHASES}
        self._grid = Drift(self._rng, spread=0.012, tau_s=15)

    def readings(self) -> Readings:
        watts = {phase: round(self._drawn(phase), 1) for phase in PHASES}
        return {
            "power": round(sum(watts.values()), 1),
            "phase": watts,
            "voltage": {phase: round(self._voltage(phase), 1) for phase in PHASES},
            "energy": round(self._energy_kwh, 4),
            "frequency": round(50 + self._grid.value, 3),
            "relay": self.relay,
        }

    def _advance(self, dt_s: float) -> None:
        for drift in (*self._hum.values(), *self._supply.values(), self._grid):
            drift.step(dt_s)
        self._running = [
            self._switched(appliance, on, dt_s) for appliance, on in zip(APPLIANCES, self._running, strict=True)
        ]
        demand = self._demand()
        self._watts = {p: relax(self._watts[p], demand[p], SWITCHING_S, dt_s) for p in PHASES}
        self._energy_kwh += sum(self._drawn(phase) for phase in PHASES) * dt_s / 3_600_000

    def _switched(self, appliance: Appliance, on: bool, dt_s: float) -> bool:
        """Whether the appliance runs after `dt_s`; the time to its next change is exponentially distributed."""
        changes = self._rng.random() < -math.expm1(-dt_s / (appliance.on_s if on else appliance.off_s))
        return on is not changes

    def _demand(self) -> dict[str, float]:
        """Watts that each phase settles at."""
        if not self.relay:
            return dict.fromkeys(PHASES, 0.0)
        wanted = dict(BASE_W)
        for appliance, on in zip(APPLIANCES, self._running, strict=True):
            wanted[appliance.phase] += appliance.watts * on
        return wanted

    def _drawn(self, phase: str) -> float:
        return self._watts[phase] * (1 + self._hum[phase].value)

    def _voltage(self, phase: str) -> float:
        return NOMINAL_V + self._supply[phase].value - LINE_OHM * self._watts[phase] / NOMINAL_V
