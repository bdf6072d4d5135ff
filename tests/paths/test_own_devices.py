"""A house of devices of five conventions, at their owner's broker and at the hub's: found, added, switched, lost."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.paths.conftest import Visit
from tests.paths.rooms.conftest import log, post
from tests.support.browser import WAIT_MS
from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.owner import OwnersMosquitto, Plug, Things, ZigbeeBridge

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)

CONVENTIONS = ("zigbee2mqtt", "tasmota", "shelly1", "esphome", "owntracks")
ADDRESSES = {"plug_own", "shelly1pm-A1B2C3", "greenhouse", "anna/phone"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    server = RunningHub(tmp_path_factory.mktemp("own-devices"))
    server.start()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def mosquitto(home: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnersMosquitto]:
    server = OwnersMosquitto(tmp_path_factory.mktemp("owner"))
    server.start()
    home.manage(
        "shell",
        "-c",
        f"from devices.registry.sources import brokers\nbrokers.create('house', '127.0.0.1', {server.port})",
    )
    yield server
    server.stop()


@pytest.mark.parametrize(("broker", "first"), [("house", 0), ("main", 100)])
def test_devices_that_people_own(
    home: RunningHub, mosquitto: OwnersMosquitto, visit: Visit, broker: str, first: int
) -> None:
    port = mosquitto.port if broker == "house" else home.mqtt_port
    headers = {"Authorization": f"Bearer {home.create_token('alice')}"}
    api = httpx.Client(base_url=f"{home.url}/api/v1/", headers=headers)
    sources = {
        convention: json.loads(home.manage("addsource", convention, "--space", "demo", "--broker", broker))
        for convention in CONVENTIONS
    }
    logins = {name: (each["username"], each["secret"]) if broker == "main" else None for name, each in sources.items()}
    bridge = ZigbeeBridge(port, logins["zigbee2mqtt"], lamps=3, first=first)
    plug = Plug(port, "plug_own", logins["tasmota"])
    things = [Things(port, name, logins[name]) for name in Things.MESSAGES]

    def found() -> set[str]:
        plug.report(POWER="ON")
        for each in things:
            each.report()
        lists = [api.get(f"sources/{each['id']}/found").json()["items"] for each in sources.values()]
        return {one["address"] for items in lists for one in items}

    lamps = {f"0x{n:016x}" for n in range(first, first + 3)}
    eventually(lambda: found() >= {"bridge", *ADDRESSES, *lamps}, within_s=60)
    for each in sources.values():
        assert api.post(f"sources/{each['id']}/found/adopt").is_success
    lamp = f"0x{first + 1:016x}"
    eventually(lambda: api.get(f"devices/{lamp}").json()["latest"].get("state", [0])[-1] is True)

    alice = visit(home, "alice", f"/devices/{lamp}/")
    expect(alice.page.get_by_role("heading", level=1)).to_contain_text(f"room/lamp {first + 1}")
    post(alice, "/set state OFF")
    command = log(alice).locator("li.command-line", has_text="/set state OFF").last
    expect(command.locator(".outcome")).to_have_text("Done")
    eventually(lambda: api.get(f"devices/{lamp}").json()["latest"]["state"][-1] is False)

    bridge.die()
    eventually(lambda: api.get(f"devices/{lamp}").json()["availability"] == "offline", within_s=60)
    assert api.get(f"devices/{lamp}").json()["via"]
    expect(alice.page.get_by_text("Unreachable").first).to_be_visible()
    plug.leave()
    for each in things:
        each.leave()
