"""Devices at their owner's broker: found, added, and commanded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.owner import OwnersMosquitto, Plug
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnersMosquitto]:
    server = OwnersMosquitto(tmp_path_factory.mktemp("owner"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def house(mosquitto: OwnersMosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub that knows the owner's broker as `house`, beside its own."""
    server = RunningHub(tmp_path_factory.mktemp("house"))
    server.start()
    server.manage(
        "shell",
        "-c",
        f"from devices.registry.sources import brokers\nbrokers.create('house', '127.0.0.1', {mosquitto.port})",
    )
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def api(house: RunningHub) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {house.create_token('alice')}"}
    with httpx.Client(base_url=f"{house.url}/api/v1/", headers=headers) as client:
        yield client


def test_a_device_at_the_owners_broker_is_found_added_and_switched(
    house: RunningHub, mosquitto: OwnersMosquitto, api: httpx.Client, tmp_path: Path
) -> None:
    plug = Plug(mosquitto.port, "tasmota_A1B2C3")
    printed = json.loads(house.manage("addsource", "tasmota", "--space", "demo", "--broker", "house"))
    found = f"sources/{printed['id']}/found"
    eventually(lambda: api.get(found).json()["items"])
    plug.report(POWER="ON")
    eventually(lambda: api.get(found).json()["items"][0]["latest"].get("POWER") in ("ON", True))
    [one] = api.get(found).json()["items"]
    assert (one["address"], one["convention"], one["availability"]) == ("tasmota_A1B2C3", "tasmota", "online")

    added = api.post(f"{found}/{one['key']}/adopt", json={})
    assert added.status_code == 201, added.text
    uid = added.json()["device"]["uid"]
    eventually(lambda: api.get(f"devices/{uid}").json()["availability"] == "online")
    sent = api.post(f"devices/{uid}/commands", json={"name": "set", "args": {"POWER": "OFF"}}).json()
    eventually(lambda: _status(api, uid, sent) == "succeeded")
    assert api.get(f"devices/{uid}").json()["latest"]["POWER"][1] in ("OFF", False)
    plug.leave()


def _status(api: httpx.Client, uid: str, sent: dict[str, Any]) -> str:
    return str(api.get(f"devices/{uid}/commands/{sent['command']}").json()["status"])


def test_a_source_tells_why_it_is_not_connected(house: RunningHub, api: httpx.Client) -> None:
    nobody = free_port()
    house.manage(
        "shell", "-c", f"from devices.registry.sources import brokers\nbrokers.create('away', '127.0.0.1', {nobody})"
    )
    printed = json.loads(house.manage("addsource", "tasmota", "--space", "demo", "--broker", "away"))
    eventually(lambda: "Connect" in _source(api, printed["id"])["state"])
    assert _source(api, printed["id"])["connected"] is False


def _source(api: httpx.Client, id: int) -> dict[str, Any]:
    [one] = [each for each in api.get("sources").json()["items"] if each["id"] == id]
    return dict(one)
