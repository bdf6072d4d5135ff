import itertools

import pytest

from bridges.simulator.physics.meter import Meter


def test_the_total_is_the_sum_of_the_phases():
    meter = Meter(seed=2)
    for _ in range(50):
        meter.step(1)
        readings = meter.readings()
        assert readings["power"] == pytest.approx(sum(readings["phase"].values()), abs=0.11)


def test_energy_is_the_integral_of_the_power():
    meter = Meter(seed=2)
    start, joules = meter.readings()["energy"], 0.0
    for _ in range(3600):
        meter.step(0.5)
        joules += meter.readings()["power"] * 0.5
    assert meter.readings()["energy"] - start == pytest.approx(joules / 3_600_000, rel=0.001)


def test_appliances_switch_on_and_off():
    meter = Meter(seed=2)
    powers = []
    for _ in range(600):
        meter.step(1)
        powers.append(meter.readings()["power"])
    jumps = [abs(b - a) for a, b in itertools.pairwise(powers)]
    assert sum(jump > 500 for jump in jumps) >= 10
    assert sum(jump < 100 for jump in jumps) > 300


def test_an_open_relay_cuts_the_power_but_not_the_voltage():
    meter = Meter(seed=2)
    meter.step(10)
    assert meter.command("set", {"relay": False}) == {"relay": False}
    meter.step(10)
    off = meter.readings()
    assert off["power"] == 0
    assert all(225 < volts < 240 for volts in off["voltage"].values())
    meter.command("set", {"relay": True})
    meter.step(10)
    assert meter.readings()["power"] > 200


def test_the_voltage_dips_under_load():
    meter = Meter(seed=2)
    loaded, idle = [], []
    for _ in range(3000):
        meter.step(1)
        readings = meter.readings()
        (loaded if readings["phase"]["l1"] > 1800 else idle).append(readings["voltage"]["l1"])
    assert sum(loaded) / len(loaded) < sum(idle) / len(idle) - 1


def test_the_counter_never_runs_backwards_at_a_restart():
    day_s = 86_400.0
    meter = Meter(seed=2, start_s=1_800_000_000)
    meter.step(day_s / 4)
    again = Meter(seed=2, start_s=1_800_000_000 + day_s / 4)
    assert again.readings()["energy"] >= meter.readings()["energy"]
