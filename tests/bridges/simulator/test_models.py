"""Properties of every kind of device."""

import re

import pytest

from bridges.simulator.fleet import DEMO_FLEET
from bridges.simulator.kinds import KINDS, UnknownKind, build, kind_of
from bridges.simulator.physics.controls import BadArgument, Choice, Slider, Switch, UnknownCommand
from bridges.simulator.physics.model import Model

each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def flat(readings: dict, prefix: str = "") -> dict:
    """Nested names as the hub stores them: `phase.l1`."""
    found = {}
    for name, value in readings.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


@each_kind
def test_the_same_seed_gives_the_same_curves(kind: type[Model]):
    def curve(seed: int) -> list:
        model = kind(seed=seed, start_s=1000)
        seen = []
        for _ in range(60):
            model.step(1)
            seen.append(model.readings())
        return seen

    assert curve(1) == curve(1)
    assert curve(1) != curve(2)


@each_kind
def test_the_curves_do_not_depend_on_the_interval(kind: type[Model]):
    seldom, often = kind(seed=1, start_s=1000), kind(seed=1, start_s=1000)
    seldom.step(60)
    for _ in range(60):
        often.step(1)
    assert seldom.readings() == often.readings()


@each_kind
def test_something_visible_happens_within_a_minute(kind: type[Model]):
    model = kind(seed=1, start_s=1000)
    model.step(30)
    before = flat(model.readings())
    model.step(60)
    changed = [name for name, value in flat(model.readings()).items() if value != before[name]]
    assert len(changed) >= 3


@each_kind
def test_attributes_are_flat_and_name_metrics_that_exist(kind: type[Model]):
    model = kind(seed=1)
    attributes, metrics = model.attributes(), flat(model.readings())
    assert {"model", "firmware"} <= attributes.keys()
    assert all(isinstance(value, str) for value in attributes.values())
    for name in attributes:
        if name.startswith(("units.", "controls.")):
            assert name.partition(".")[2] in metrics
    for offer in (value for name, value in attributes.items() if name.startswith("controls.")):
        assert re.fullmatch(r"switch|slider \S+ \S+ \S+|choice( \S+){2,}", offer)
    for offer in (value for name, value in attributes.items() if name.startswith("commands.")):
        assert re.fullmatch(r"button \S.*", offer)


@each_kind
def test_a_control_shows_the_value_that_was_set(kind: type[Model]):
    for name, control in kind.CONTROLS.items():
        model = kind(seed=1)
        for value in valid_values(control):
            assert model.command("set", {name: value}) == {name: value}
            assert model.readings()[name] == value


@each_kind
def test_set_refuses_invalid_values_and_changes_nothing(kind: type[Model]):
    model = kind(seed=1)
    before = model.readings()
    good = {name: valid_values(control)[-1] for name, control in kind.CONTROLS.items()}
    for name, control in kind.CONTROLS.items():
        for value in invalid_values(control):
            with pytest.raises(BadArgument, match=name):
                model.command("set", {**good, name: value})
    for args in ({}, {**good, "colour": "red"}):
        with pytest.raises(BadArgument):
            model.command("set", args)
    assert model.readings() == before


@each_kind
def test_an_unknown_command_is_refused_with_a_list_of_the_known_ones(kind: type[Model]):
    with pytest.raises(UnknownCommand, match="known here: set"):
        kind(seed=1).command("explode", {})


@each_kind
def test_buttons_take_no_arguments(kind: type[Model]):
    for button in kind.BUTTONS:
        with pytest.raises(BadArgument):
            kind(seed=1).command(button, {"loud": True})


def valid_values(control: Switch | Slider | Choice) -> list:
    match control:
        case Switch():
            return [True, False]
        case Slider():
            return [control.low, control.high, (control.low + control.high) / 2]
        case Choice():
            return list(control.options)


def invalid_values(control: Switch | Slider | Choice) -> list:
    match control:
        case Switch():
            return [1, "true", None, []]
        case Slider():
            return [control.low - 1, control.high + 1, "40", True, None, float("nan"), float("inf"), [40]]
        case Choice():
            return ["", "other", 1, None, ["auto"]]


def test_the_prefix_of_the_uid_names_the_kind():
    assert kind_of("pump-1") is KINDS["pump"]
    assert type(build("vehicle-north-7")) is KINDS["vehicle"]
    with pytest.raises(UnknownKind, match="pump, tank, climate, meter, vehicle"):
        kind_of("toaster-1")


def test_the_demo_fleet_has_every_kind_and_distinct_names():
    assert {kind_of(device.uid) for device in DEMO_FLEET} == set(KINDS.values())
    assert len({device.uid for device in DEMO_FLEET}) == len({device.name for device in DEMO_FLEET}) == len(DEMO_FLEET)


def test_the_fleet_as_a_whole_has_nested_text_and_boolean_values():
    values = [value for kind in KINDS.values() for value in kind(seed=1).readings().values()]
    assert {dict, str, bool, float} <= {type(value) for value in values}
