"""The announcements, with their templates rendered by the engine that Home Assistant uses."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bridges.announcing import home_assistant

SNAPSHOT: dict[str, Any] = {
    "device": {
        "uid": "pump-1",
        "name": "Pump",
        "attributes": {
            "model": "P-100",
            "units.flow": "l/min",
            "units.energy": "kWh",
            "controls.on": "switch",
            "controls.speed": "slider 0 100 5",
            "controls.mode": "choice auto manual",
        },
    },
    "latest": {
        "on": [1, True],
        "speed": [1, 20.0],
        "flow": [1, 3.5],
        "energy": [1, 12.0],
        "leak": [1, False],
        "phase.l1": [1, 230.0],
        "state": [1, "running"],
    },
}


def announcement() -> dict[str, Any]:
    return dict(json.loads(home_assistant.config(SNAPSHOT)))


def shown(name: str, telemetry: object, before: str = "before") -> str:
    template = announcement()["cmps"][name]["val_tpl"]
    rendered = ImmutableSandboxedEnvironment().from_string(template)
    return rendered.render(value_json=telemetry, this=SimpleNamespace(state=before))


def test_a_device_is_announced_with_its_facts() -> None:
    assert announcement()["dev"] == {"ids": ["hubbub_pump-1"], "name": "Pump", "mdl": "P-100"}
    assert announcement()["avty_t"] == "homeassistant/device/pump-1/availability"


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("on", {"p": "switch", "cmd_t": "devices/pump-1/set/on", "pl_on": "true", "stat_off": "OFF"}),
        ("speed", {"p": "number", "cmd_t": "devices/pump-1/set/speed", "min": 0.0, "max": 100.0, "step": 5.0}),
        ("mode", {"p": "select", "cmd_t": "devices/pump-1/set/mode", "ops": ["auto", "manual"]}),
        ("flow", {"p": "sensor", "unit_of_meas": "l/min", "stat_cla": "measurement"}),
        ("energy", {"p": "sensor", "unit_of_meas": "kWh", "dev_cla": "energy", "stat_cla": "total_increasing"}),
        ("leak", {"p": "binary_sensor", "pl_on": "ON", "pl_off": "OFF"}),
        ("state", {"p": "sensor"}),
    ],
)
def test_values_and_controls_are_entities(name: str, facts: dict[str, Any]) -> None:
    entity = announcement()["cmps"][name]
    assert {key: entity[key] for key in facts} == facts
    assert entity["stat_t"] == "devices/pump-1/telemetry"


@pytest.mark.parametrize(
    ("name", "telemetry", "state"),
    [
        ("flow", {"flow": 3.5}, "3.5"),
        ("flow", {"ts": 1, "values": {"flow": 4}}, "4"),
        ("flow", [{"flow": 1}, {"ts": 1, "values": {"flow": 2}}], "2"),
        ("flow", {"other": 1}, "before"),
        ("flow", {"flow": None}, "before"),
        ("phase_l1", {"phase.l1": 229}, "229"),
        ("phase_l1", {"phase": {"l1": 231}}, "231"),
        ("phase_l1", {"phase": {"l2": 231}}, "before"),
        ("on", {"on": True}, "ON"),
        ("on", {"on": "off"}, "OFF"),
        ("on", {"on": 1}, "ON"),
        ("leak", {"leak": False}, "OFF"),
    ],
)
def test_a_state_is_read_from_every_form_of_telemetry(name: str, telemetry: object, state: str) -> None:
    assert shown(name, telemetry) == state


def test_the_entities_of_a_device_are_bounded() -> None:
    many = {**SNAPSHOT, "latest": {f"m{i}": [1, 1.0] for i in range(1_000)}}
    assert len(json.loads(home_assistant.config(many))["cmps"]) == home_assistant.MAX_COMPONENTS
