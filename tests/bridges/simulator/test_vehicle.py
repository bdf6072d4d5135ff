import itertools
import math

import pytest

from bridges.simulator.physics.route import Route
from bridges.simulator.physics.vehicle import CHARGE_BELOW, ROUTE, Vehicle

METRES_PER_DEGREE = 111_320


def test_a_route_is_closed_and_has_bearings():
    square = Route([(0.0, 0.0), (0.01, 0.0), (0.01, 0.01), (0.0, 0.01)])
    assert square.length_m == pytest.approx(0.04 * METRES_PER_DEGREE, rel=0.001)
    assert [square.bearing(at + 1) for at in square.distances_m[:-1]] == pytest.approx([0, 90, 180, 270])
    assert square.position(square.length_m) == pytest.approx((0.0, 0.0))
    assert square.turn(1) == pytest.approx(90)


def test_the_position_moves_at_the_speed_reported():
    van = Vehicle(seed=6)
    before = van.readings()
    for _ in range(900):
        van.step(0.5)
        now = van.readings()
        north = (now["latitude"] - before["latitude"]) * METRES_PER_DEGREE
        east = (now["longitude"] - before["longitude"]) * METRES_PER_DEGREE * math.cos(math.radians(52.37))
        fastest = max(now["speed"], before["speed"]) / 3.6
        assert math.hypot(north, east) <= fastest * 0.5 + 0.5
        before = now


def test_the_van_stops_at_customers_and_drives_on():
    van = Vehicle(seed=6)
    states = []
    for _ in range(900):
        van.step(1)
        readings = van.readings()
        states.append(readings["state"])
        if readings["state"] != "driving":
            assert readings["speed"] == 0
    changes = [b for a, b in itertools.pairwise(states) if a != b]
    assert changes.count("delivering") >= 3
    assert changes.count("driving") >= 3


def test_an_empty_battery_is_charged_at_the_depot():
    van = Vehicle(seed=6)
    levels, charging_at = [], set()
    for _ in range(5000):
        van.step(1)
        readings = van.readings()
        levels.append(readings["battery"])
        if readings["state"] == "charging":
            charging_at.add((readings["latitude"], readings["longitude"]))
    assert charging_at == {ROUTE.position(0)}
    assert CHARGE_BELOW - 25 < min(levels) < CHARGE_BELOW
    assert max(levels) > 90


def test_the_speed_limit_is_observed():
    van = Vehicle(seed=6)
    van.command("set", {"limit": 25})
    van.step(30)
    for _ in range(300):
        van.step(1)
        assert van.readings()["speed"] <= 27


def test_the_horn_sounds_for_two_seconds():
    van = Vehicle(seed=6)
    assert van.command("horn", {}) == {"horn": True}
    assert van.readings()["horn"] is True
    van.step(2.1)
    assert van.readings()["horn"] is False


def test_the_doors_lock_and_unlock():
    van = Vehicle(seed=6)
    assert van.command("unlock", {}) == {"locked": False}
    assert van.readings()["locked"] is False
    assert van.command("lock", {}) == {"locked": True}
