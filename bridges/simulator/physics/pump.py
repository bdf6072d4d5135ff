"""An irrigation pump on a frequency converter."""

from __future__ import annotations

from bridges.simulator.physics.controls import Slider, Switch
from bridges.simulator.physics.model import Model, Readings
from bridges.simulator.physics.motion import Drift, relax

RATED_RPM = 2900.0
RATED_FLOW_L_MIN = 120.0
RATED_PRESSURE_BAR = 4.2
RATED_POWER_W = 1500.0
STANDBY_W = 6.0
AMBIENT_C = 19.0
RISE_C = 46.0
"""By how much full power warms the motor above its surroundings."""

SPIN_UP_S = 1.6
SPIN_DOWN_S = 3.5
FRICTION_RPM_PER_S = 25.0
"""Dry friction: without it the shaft would never quite come to rest."""
MOTOR_S = 75.0


class Pump(Model):
    """`speed` is the setpoint in percent, `rpm` the shaft's actual speed, which follows with the rotor's inertia.

    The affinity laws hold: flow is proportional to the speed, pressure to its square, power to its cube. The opening of
    the sprinklers drifts; a wider one gives more flow at less pressure.
    """

    MODEL = "Brookfield CX-40"
    FIRMWARE = "2.4.1"
    UNITS = {
        "speed": "%",
        "rpm": "rpm",
        "flow": "l/min",
        "pressure": "bar",
        "power": "W",
        "temperature": "°C",
    }
    CONTROLS = {"on": Switch(), "speed": Slider(0, 100, 5)}

    def __init__(self, seed: int = 0, start_s: float = 0.0) -> None:
        super().__init__(seed, start_s)
        self.on = True
        self.speed = 65.0
        self._rpm = 0.0
        self._temperature = AMBIENT_C
        self._openness = Drift(self._rng, spread=0.07, tau_s=25)
        self._slip = Drift(self._rng, spread=0.003, tau_s=1)

    def readings(self) -> Readings:
        n, opened = self._rpm / RATED_RPM, self._openness.value
        return {
            "on": self.on,
            "speed": round(self.speed, 1),
            "rpm": round(self._rpm),
            "flow": round(RATED_FLOW_L_MIN * n * (1 + opened), 1),
            "pressure": round(RATED_PRESSURE_BAR * n**2 * (1 - 0.6 * opened), 2),
            "power": round(self._power_w(), 1),
            "temperature": round(self._temperature, 1),
        }

    def _advance(self, dt_s: float) -> None:
        self._openness.step(dt_s)
        self._slip.step(dt_s)
        target = RATED_RPM * self.speed / 100 * (1 + self._slip.value) if self.on else 0.0
        if target >= self._rpm:
            self._rpm = relax(self._rpm, target, SPIN_UP_S, dt_s)
        else:
            slowed = relax(self._rpm, target, SPIN_DOWN_S, dt_s) - FRICTION_RPM_PER_S * dt_s
            self._rpm = max(target, slowed)
        warmth = RISE_C * self._power_w() / RATED_POWER_W
        self._temperature = relax(self._temperature, AMBIENT_C + warmth, MOTOR_S, dt_s)

    def _power_w(self) -> float:
        if not self.on:
            return 0.0  # a coasting rotor draws nothing
        return STANDBY_W + RATED_POWER_W * (self._rpm / RATED_RPM) ** 3 * (1 + 0.5 * self._openness.value)
