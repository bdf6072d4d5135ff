"""How quantities change: towards a target, and at random. Exact for any length of step, so never unstable."""

from __future__ import annotations

import math
import random


def relax(value: float, target: float, tau_s: float, dt_s: float) -> float:
    """`value` after `dt_s` of exponential approach to `target`; `tau_s` is the time for 63 % of the distance."""
    return target + (value - target) * math.exp(-dt_s / tau_s)


def clamp(value: float, low: float, high: float) -> float:
    """`value`, limited to `low` and `high`."""
    return max(low, min(high, value))


class Drift:
    """Noise around zero that wanders instead of jumping (an Ornstein-Uhlenbeck process).

    `spread` is its standard deviation, `tau_s` its correlation time. Limited to three times `spread`.
    """

    def __init__(self, rng: random.Random, spread: float, tau_s: float) -> None:
        self._rng, self._spread, self._tau_s = rng, spread, tau_s
        self._value = rng.gauss(0, spread)

    @property
    def value(self) -> float:
        """The current value."""
        return clamp(self._value, -3 * self._spread, 3 * self._spread)

    def step(self, dt_s: float) -> None:
        """Lets `dt_s` pass."""
        keep = math.exp(-dt_s / self._tau_s)
        self._value = self._value * keep + self._rng.gauss(0, self._spread * math.sqrt(1 - keep * keep))
