from bridges.simulator.physics.climate import DAY_S, Climate

MIDNIGHT = 0.0
NOON = DAY_S / 2


def after(seconds: float, start_s: float, **settings: object) -> dict:
    house = Climate(seed=4, start_s=start_s)
    if settings:
        house.command("set", settings)
    house.step(seconds)
    return house.readings()


def test_the_controller_keeps_the_target_through_day_and_night():
    house = Climate(seed=4, start_s=MIDNIGHT)
    house.step(120)
    seen = []
    for _ in range(int(DAY_S)):
        house.step(1)
        seen.append(house.readings()["temperature"])
    assert 19 < min(seen) <= max(seen) < 25
    assert max(seen) - min(seen) > 1  # and yet the curve bends


def test_the_day_is_bright_and_the_night_is_dark():
    assert after(20, NOON)["light"] > 20_000
    assert after(20, MIDNIGHT)["light"] == 0


def test_the_heater_warms_and_an_open_vent_cools():
    idle = after(60, MIDNIGHT, heater=False, vent=0)["temperature"]
    assert after(60, MIDNIGHT, heater=True, vent=0)["temperature"] > idle + 5
    assert after(60, NOON, heater=False, vent=100)["temperature"] < after(60, NOON, vent=0)["temperature"] - 5


def test_setting_the_vent_by_hand_leaves_automatic_mode():
    house = Climate(seed=4, start_s=NOON)
    assert house.readings()["mode"] == "auto"
    assert house.command("set", {"vent": 35}) == {"vent": 35}
    house.step(60)
    assert house.readings()["mode"] == "manual"
    assert house.readings()["vent"] == 35
    house.command("set", {"mode": "auto"})
    house.step(60)
    assert house.readings()["vent"] != 35


def test_plants_release_carbon_dioxide_at_night_and_absorb_it_by_day():
    assert after(100, MIDNIGHT)["co2"] > 600
    assert after(100, NOON - 50)["co2"] < 420
