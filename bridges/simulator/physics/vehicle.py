"""An electric delivery van on its round."""

from __future__ import annotations

import math
from typing import Literal

from bridges.simulator.physics.controls import Slider
from bridges.simulator.physics.model import Model, Readings, Settings
from bridges.simulator.physics.motion import Drift, clamp, relax
from bridges.simulator.physics.route import Route

ROUTE = Route(
    [
        (52.37030, 4.89520),  # depot
        (52.37180, 4.89860),
        (52.37320, 4.90260),  # customer
        (52.37150, 4.90790),
        (52.36890, 4.91120),
        (52.36640, 4.90930),  # customer
        (52.36480, 4.90410),
        (52.36300, 4.89880),
        (52.36350, 4.89260),  # customer
        (52.36560, 4.88790),
        (52.36850, 4.88640),
        (52.36990, 4.89020),
    ]
)
CUSTOMERS = frozenset({2, 5, 8})
ACCELERATION, BRAKING = 1.7, 2.0
"""Metres per second squared."""
DELIVERY_S = (7.0, 16.0)
DRAIN_PER_M = 0.0035
"""Percent of the battery: some ten times the use of a real van, so that the curve falls visibly."""
CHARGE_PER_S = 0.7
CHARGE_BELOW, CHARGE_TO = 40.0, 92.0
HORN_S = 2.0
KMH = 3.6


class Vehicle(Model):
    """It slows down for corners, stops at customers and charges at the depot when its battery runs low."""

    MODEL = "Parcel EV 2"
    FIRMWARE = "7.12"
    UNITS = {"latitude": "°", "longitude": "°", "speed": "km/h", "heading": "°", "battery": "%", "limit": "km/h"}
    CONTROLS = {"limit": Slider(20, 80, 5)}
    BUTTONS = {"horn": "Sound the horn", "lock": "Lock the doors", "unlock": "Unlock the doors"}

    def __init__(self, seed: int = 0, start_s: float = 0.0) -> None:
        super().__init__(seed, start_s)
        self.limit = 50.0
        self._state: Literal["driving", "delivering", "charging"] = "driving"
        self._locked = True
        self._horn_s = 0.0
        self._wait_s = 0.0
        self._along_m = ROUTE.length_m * self._rng.random()
        self._next = ROUTE.leg(self._along_m) + 1
        self._speed = 0.0
        self._heading = ROUTE.bearing(self._along_m)
        self._battery = self._rng.uniform(60, 90)
        self._foot = Drift(self._rng, spread=0.035, tau_s=5)

    def readings(self) -> Readings:
        latitude, longitude = ROUTE.position(self._along_m)
        return {
            "latitude": round(latitude, 6),
            "longitude": round(longitude, 6),
            "speed": round(self._speed * KMH, 1),
            "heading": round(self._heading) % 360,
            "battery": round(self._battery, 1),
            "limit": self.limit,
            "state": self._state,
            "locked": self._locked,
            "horn": self._horn_s > 0,
        }

    def _advance(self, dt_s: float) -> None:
        self._horn_s = max(0.0, self._horn_s - dt_s)
        if self._state == "driving":
            self._drive(dt_s)
        elif self._state == "delivering":
            self._wait_s -= dt_s
            if self._wait_s <= 0:
                self._state = "driving"
        else:
            self._battery = min(CHARGE_TO, self._battery + CHARGE_PER_S * dt_s)
            if self._battery >= CHARGE_TO:
                self._state = "driving"

    def _press(self, button: str) -> Settings:
        if button == "horn":
            self._horn_s = HORN_S
            return {"horn": True}
        self._locked = button == "lock"
        return {"locked": self._locked}

    def _drive(self, dt_s: float) -> None:
        left_m = ROUTE.distances_m[self._next] - self._along_m
        # The highest speed from which it can still brake to the speed of the corner.
        safe = math.sqrt(self._corner_speed(self._next) ** 2 + 2 * BRAKING * left_m)
        self._foot.step(dt_s)
        wanted = min(self.limit / KMH * (0.94 + self._foot.value), safe)
        self._speed = clamp(wanted, self._speed - 1.5 * BRAKING * dt_s, self._speed + ACCELERATION * dt_s)
        # At least a crawl: a van that stopped just short of the point would never reach it.
        moved = min(max(self._speed, 0.5) * dt_s, left_m)
        self._along_m += moved
        self._battery = max(0.0, self._battery - DRAIN_PER_M * moved)
        if left_m - moved < 0.01:
            self._reach(self._next)
        turn = (ROUTE.bearing(self._along_m) - self._heading + 180) % 360 - 180
        self._heading = (self._heading + turn - relax(turn, 0, 0.8, dt_s)) % 360

    def _reach(self, point: int) -> None:
        """Passes a point: drives on, stops at a customer, or charges at the depot."""
        self._along_m = ROUTE.distances_m[point]
        at_depot = point == len(ROUTE.distances_m) - 1
        if at_depot:
            self._along_m, point = 0.0, 0
        self._next = point + 1
        if at_depot and self._battery < CHARGE_BELOW:
            self._state, self._speed = "charging", 0.0
        elif point in CUSTOMERS:
            self._state, self._speed = "delivering", 0.0
            self._wait_s = self._rng.uniform(*DELIVERY_S)

    def _corner_speed(self, point: int) -> float:
        """Metres per second at a point: 0 if it stops there, less the sharper the bend."""
        charges = point == len(ROUTE.distances_m) - 1 and self._battery < CHARGE_BELOW
        if point in CUSTOMERS or charges:
            return 0.0
        return 14.0 - 9.0 * min(ROUTE.turn(point), 90) / 90
