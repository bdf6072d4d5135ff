"""Devices at their owner's broker: found, added, and commanded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import pytest

from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.owner import OwnersMosquitto, Plug, ShellyPlug, ZigbeeBridge
from tests.support.ports import free_port
from tests.support.servers import START_S

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


@pytest.mark.parametrize(("prefix", "topic"), [("", "home/attic/plug"), ("lab", "lab/attic/plug")])
def test_a_shelly_at_the_hubs_broker_answers_each_command(
    house: RunningHub, api: httpx.Client, prefix: str, topic: str
) -> None:
    printed = json.loads(house.manage("addsource", "shelly2", "--space", "demo", "--prefix", prefix))
    plug = ShellyPlug(house.mqtt_port, topic, printed["username"], printed["secret"])
    found = f"sources/{printed['id']}/found"
    eventually(lambda: api.get(found).json()["items"])
    plug.report(output=True, apower=11.5)
    eventually(lambda: api.get(found).json()["items"][0]["latest"].get("switch:0.apower") == 11.5)
    eventually(lambda: api.get(found).json()["items"][0]["name"] == "Boiler")
    [one] = api.get(found).json()["items"]
    assert (one["address"], one["availability"]) == (topic, "online")

    added = api.post(f"{found}/{one['key']}/adopt", json={})
    assert added.status_code == 201, added.text
    uid = added.json()["device"]["uid"]
    eventually(lambda: "switch:0.output" in api.get(f"devices/{uid}").json()["latest"])
    sent = api.post(f"devices/{uid}/commands", json={"name": "set", "args": {"switch:0.output": False}}).json()
    eventually(lambda: _status(api, uid, sent) == "succeeded")
    sent = api.post(f"devices/{uid}/commands", json={"name": "Switch.Set", "args": {"id": 7, "on": True}}).json()
    eventually(lambda: _status(api, uid, sent) == "failed")
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


@pytest.fixture(scope="module")
def logins(house: RunningHub) -> dict[str, tuple[str, str]]:
    """Of a source for each convention at the hub's own broker, which adds new devices by itself."""
    found = {}
    for convention in ("zigbee2mqtt", "tasmota"):
        printed = json.loads(house.manage("addsource", convention, "--space", "demo", "--adopt"))
        found[convention] = printed["username"], printed["secret"]
    return found


def test_a_house_of_devices_signs_in_at_the_hubs_own_broker(
    house: RunningHub, api: httpx.Client, logins: dict[str, tuple[str, str]]
) -> None:
    bridge = ZigbeeBridge(house.mqtt_port, logins["zigbee2mqtt"], lamps=150)
    plugs = [Plug(house.mqtt_port, f"plug_{n}", logins["tasmota"]) for n in range(20)]
    for plug in plugs:
        plug.report(POWER="ON")

    def added() -> dict[str, Any]:
        items = api.get("devices", params={"limit": 1000}).json()["items"]
        return {one["device"]["uid"]: one for one in items}

    eventually(lambda: len([uid for uid in added() if uid.startswith(("0x", "plug_"))]) == 170, within_s=60)
    eventually(lambda: added()["0x0000000000000095"]["latest"].get("brightness", [0])[-1] == 149, within_s=60)
    eventually(lambda: added()["plug_19"]["latest"].get("POWER", [0])[-1] is True)
    lamp = added()["0x0000000000000007"]
    assert (lamp["device"]["name"], lamp["availability"]) == ("room/lamp 7", "online")
    assert lamp["device"]["attributes"]["controls.state"] == "switch"

    sent = api.post("devices/0x0000000000000007/commands", json={"name": "set", "args": {"state": "OFF"}}).json()
    eventually(lambda: _status(api, "0x0000000000000007", sent) == "succeeded")
    bridge.die()
    eventually(lambda: added()["0x0000000000000007"]["availability"] == "offline", within_s=60)
    metrics = httpx.get(f"{house.url}/metrics").text
    assert "hubbub_source_messages_refused_total{" not in metrics
    for plug in plugs:
        plug.leave()


def test_a_login_may_use_the_topics_of_its_source_only(
    house: RunningHub, api: httpx.Client, logins: dict[str, tuple[str, str]]
) -> None:
    pump = house.create_device("pump-9")
    received: list[str] = []
    granted: list[Any] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(*logins["tasmota"])
    client.on_subscribe = lambda _, __, ___, codes, ____: granted.extend(codes)
    client.on_message = lambda _, __, message: received.append(message.topic)
    client.connect("127.0.0.1", house.mqtt_port)
    client.loop_start()
    for topic_filter in ("#", "devices/#", "zigbee2mqtt/#", "cmnd/#"):
        client.subscribe(topic_filter, 1)
    eventually(lambda: len(granted) == 4)
    assert [code.is_failure for code in granted] == [True, True, True, False]
    for topic in (f"devices/{pump.uid}/telemetry", "zigbee2mqtt/room/lamp 1"):
        client.publish(topic, '{"a": 1}', 1).wait_for_publish(START_S)
    assert api.get(f"devices/{pump.uid}").json()["latest"] == {}
    client.disconnect()
    client.loop_stop()


def test_a_host_of_sparkplug_is_announced_and_gone_with_its_source(
    house: RunningHub, mosquitto: OwnersMosquitto, api: httpx.Client
) -> None:
    states: list[bool] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: states.append(json.loads(message.payload)["online"])
    client.connect("127.0.0.1", mosquitto.port)
    client.subscribe("spBv1.0/STATE/hubbub", qos=1)
    client.loop_start()
    printed = json.loads(house.manage("addsource", "sparkplug", "--space", "demo", "--broker", "house"))
    eventually(lambda: states and states[-1])
    assert api.delete(f"sources/{printed['id']}").status_code in (200, 204)
    eventually(lambda: not states[-1])
    client.disconnect()
    client.loop_stop()


def test_what_a_deleted_login_has_retained_is_forgotten(house: RunningHub, api: httpx.Client) -> None:
    source = json.loads(house.manage("addsource", "owntracks", "--space", "demo"))
    other = api.post(f"sources/{source['id']}/logins", json={}).json()
    plain = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    plain.username_pw_set(source["username"], source["secret"])
    plain.connect("127.0.0.1", house.mqtt_port)
    plain.loop_start()
    plain.publish("owntracks/anna/phone", '{"_type": "lwt"}', 1, retain=True).wait_for_publish(START_S)
    plain.disconnect()
    plain.loop_stop()

    def is_retained() -> bool:
        received: list[str] = []
        granted: list[Any] = []
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.username_pw_set(other["username"], other["secret"])
        client.on_message = lambda _, __, message: received.append(message.topic)
        client.on_subscribe = lambda *_: granted.append(1)
        client.connect("127.0.0.1", house.mqtt_port)
        client.loop_start()
        client.subscribe([("owntracks/#", 1)])
        eventually(lambda: granted)
        client.publish("owntracks/end/end", '{"_type": "end"}', 1).wait_for_publish(START_S)
        eventually(lambda: "owntracks/end/end" in received)  # what is retained comes before it
        client.disconnect()
        client.loop_stop()
        return "owntracks/anna/phone" in received

    assert is_retained()
    logins = api.get(f"sources/{source['id']}/logins").json()["items"]
    [first] = [login["id"] for login in logins if login["username"] == source["username"]]
    assert api.delete(f"sources/{source['id']}/logins/{first}").is_success
    eventually(lambda: not is_retained())
