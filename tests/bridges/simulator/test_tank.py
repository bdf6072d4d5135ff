from bridges.simulator.physics.tank import Tank


def test_the_level_rises_and_falls_between_the_thresholds():
    tank = Tank(seed=5)
    levels = []
    for _ in range(1200):
        tank.step(1)
        levels.append(tank.readings()["level"])
    assert 25 < min(levels) < 31
    assert 84 < max(levels) < 90


def test_a_closed_valve_lets_the_tank_run_dry():
    tank = Tank(seed=5)
    tank.command("set", {"valve": "closed"})
    tank.step(600)
    assert tank.readings()["level"] == 0
    assert tank.readings()["outflow"] <= 60 * 4
    assert tank.readings()["filling"] is False


def test_an_open_valve_fills_the_tank_to_the_rim_and_no_further():
    tank = Tank(seed=5)
    tank.command("set", {"valve": "open"})
    assert tank.readings()["filling"] is True
    tank.step(600)
    assert 99 < tank.readings()["level"] <= 100
