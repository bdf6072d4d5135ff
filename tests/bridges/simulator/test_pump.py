import pytest

from bridges.simulator.physics.pump import AMBIENT_C, RATED_RPM, Pump


def settled(speed: float) -> Pump:
    pump = Pump(seed=1)
    pump.command("set", {"speed": speed, "on": True})
    pump.step(600)
    return pump


def test_a_starting_pump_spins_up_with_inertia():
    pump = Pump(seed=1)
    rpm = []
    for _ in range(30):
        pump.step(0.5)
        rpm.append(pump.readings()["rpm"])
    assert 0 < rpm[0] < rpm[1] < rpm[2] < 0.6 * RATED_RPM
    assert rpm[-1] == pytest.approx(0.65 * RATED_RPM, rel=0.02)


def test_a_pump_that_is_switched_off_slows_down_and_comes_to_rest():
    pump = settled(80)
    pump.command("set", {"on": False})
    rpm = [pump.readings()["rpm"]]
    for _ in range(40):
        pump.step(0.5)
        rpm.append(pump.readings()["rpm"])
    assert rpm == sorted(rpm, reverse=True)
    assert rpm[2] > 1000  # inertia: not at once
    assert rpm[-1] == 0
    still = pump.readings()
    assert (still["flow"], still["pressure"], still["power"]) == (0, 0, 0)
    assert still["speed"] == 80  # the setpoint stays


def test_power_follows_the_cube_of_the_speed_and_pressure_its_square():
    full, half = settled(100).readings(), settled(50).readings()
    # Both ran with the same seed for the same time, so their sprinklers are equally open.
    assert full["flow"] / half["flow"] == pytest.approx(2, rel=0.02)
    assert full["pressure"] / half["pressure"] == pytest.approx(4, rel=0.04)
    assert full["power"] / half["power"] == pytest.approx(8, rel=0.06)


def test_the_motor_warms_under_load_and_cools_when_off():
    pump = settled(100)
    hot = pump.readings()["temperature"]
    pump.command("set", {"on": False})
    pump.step(60)
    cooler = pump.readings()["temperature"]
    pump.step(1200)
    assert hot > cooler + 10
    assert pump.readings()["temperature"] == pytest.approx(AMBIENT_C, abs=0.1)
