"""A mapping from its page to found devices, with live messages of an owner's broker, in a real browser."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import httpx
import paho.mqtt.client as client
import paho.mqtt.publish as mqtt
import pytest
from playwright.sync_api import Page, expect

from tests.paths.conftest import Visit
from tests.support.browser import PHONE, WAIT_MS
from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.owner import OwnersMosquitto

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnersMosquitto]:
    server = OwnersMosquitto(tmp_path_factory.mktemp("owner"))
    server.start()
    yield server
    server.stop()


class Lamp:
    """A device that reports each value that it is sent."""

    def __init__(self, port: int) -> None:
        self._client = client.Client(client.CallbackAPIVersion.VERSION2, client_id="lamp")
        self._client.on_connect = lambda lamp, *_: lamp.subscribe("lab/lamp/+/set", 1)
        self._client.on_message = lambda lamp, _, sent: lamp.publish(sent.topic.removesuffix("/set"), sent.payload, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.publish("lab/lamp/power", "OFF", 1, retain=True)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def make_broker(hub: RunningHub, name: str, port: int) -> None:
    hub.manage(
        "shell",
        "-c",
        "from devices.registry.sources import brokers; from devices.models import Space\n"
        f"brokers.create({name!r}, '127.0.0.1', {port}, space=Space.objects.get(slug='demo'))",
    )


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("PICTURES")
    if not folder:
        return
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for width, height, kind in ((1280, 900, "desk"), (PHONE["width"], PHONE["height"], "phone")):
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=f"{folder}/{name}-{kind}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_manager_describes_what_the_broker_sends_and_finds_the_devices(
    visit: Visit, hub: RunningHub, broker: OwnersMosquitto
) -> None:
    make_broker(hub, "house", broker.port)
    mqtt.single("attic/window/temperature", "21.5", retain=True, port=broker.port)
    mqtt.single("attic/window/LWT", "online", retain=True, port=broker.port)
    mqtt.single("attic/roof/data", '{"wind":{"speed":4.2,"gust":7},"rain":0.2}', retain=True, port=broker.port)
    alice = visit(hub, "alice", "/spaces/demo/sources/mapping/")
    page = alice.page
    picture(page, "empty")
    page.get_by_label("Broker").select_option("house")
    page.get_by_label("Topics begin with").fill("attic")
    page.get_by_label("Topics begin with").blur()
    expect(page.get_by_label("Topic filter")).to_have_value("attic/#")
    page.get_by_role("button", name="Listen for 3 s").click()
    expect(page.locator(".message")).to_have_count(3)
    picture(page, "listened")
    for topic in ("attic/window/temperature", "attic/window/LWT", "attic/roof/data"):
        row = page.locator(".message", has_text=topic)
        row.get_by_role("button", name="Write a rule for it").click()
        expect(row.locator(".stored")).to_be_visible()
        expect(page.get_by_label("Rules and commands")).to_have_value(re.compile(r"{device}"))
    expect(page.locator(".message", has_text="attic/roof/data").locator(".stored")).to_contain_text("wind.speed4.2")
    expect(page.locator(".message", has_text="LWT").locator(".stored")).to_contain_text("AvailabilityOnline")
    picture(page, "mapped")
    page.get_by_role("button", name="Add source").click()
    page.wait_for_url(re.compile(r"/sources/\d+/"))
    expect(page.get_by_text("roof", exact=True).first).to_be_visible()
    picture(page, "found")
    headers = {"Authorization": f"Bearer {hub.create_token('alice')}"}
    with httpx.Client(base_url=f"{hub.url}/api/v1/", headers=headers) as api:
        [source] = [one for one in api.get("sources").json()["items"] if one["convention"] == "mapping"]
        found = f"sources/{source['id']}/found"
        eventually(lambda: len(api.get(found).json()["items"]) == 2)
        items = {one["address"]: one for one in api.get(found).json()["items"]}
    assert items["window"]["availability"] == "online"
    assert items["roof"]["latest"] == {"wind.speed": 4.2, "wind.gust": 7, "rain": 0.2}
    assert alice.complaints == []


def test_a_preset_is_shown_with_its_examples_and_faults_in_words(visit: Visit, hub: RunningHub) -> None:
    alice = visit(hub, "alice", "/spaces/demo/sources/mapping/?preset=wled")
    page = alice.page
    expect(page.locator(".stored").first).to_contain_text("brightness128")
    page.get_by_label("Begin with", exact=False).first.select_option(label="Victron Venus OS")
    expect(page.locator(".stored").first).to_contain_text("Ac.Power936 W")
    expect(page.locator("[data-needs]")).to_contain_text("GX device")
    picture(page, "preset")
    page.get_by_label("Rules and commands").fill('{"rules": [{"topic": "#/x"}]}')
    expect(page.locator("[data-error]")).to_contain_text("rules[0]")
    page.get_by_label("Rules and commands").fill("{")
    expect(page.locator("[data-error]")).to_contain_text("not JSON")
    assert alice.complaints == []


def test_a_command_follows_the_mapping_and_is_confirmed_by_what_is_reported(
    hub: RunningHub, broker: OwnersMosquitto
) -> None:
    make_broker(hub, "lab", broker.port)
    lamp = Lamp(broker.port)
    options = {
        "rules": [{"topic": "{device}/{metric}", "decoder": "scalar"}],
        "commands": [{"topic": "{device}/{arg}/set", "arg": "*", "on": "ON", "off": "OFF", "control": "switch"}],
    }
    given = {"space": "demo", "broker": "lab", "convention": "mapping", "prefix": "lab", "options": options}
    headers = {"Authorization": f"Bearer {hub.create_token('alice')}"}
    with httpx.Client(base_url=f"{hub.url}/api/v1/", headers=headers) as api:
        source = api.post("sources", json=given).json()["id"]
        eventually(lambda: api.get(f"sources/{source}/found").json()["items"])
        adopted = api.post(f"sources/{source}/found/lamp/adopt", json={})
        assert adopted.status_code == 201, adopted.text
        commands = f"devices/{adopted.json()['device']['uid']}/commands"
        sent = api.post(commands, json={"name": "set", "args": {"power": True}}).json()
        eventually(lambda: api.get(f"{commands}/{sent['command']}").json()["status"] == "succeeded")
    lamp.leave()
