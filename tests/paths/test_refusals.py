"""Refused messages on the device's page, in a real browser: hostile ones are shown but have no effect."""

from __future__ import annotations

import re
import subprocess

import pytest
from playwright.sync_api import Page, expect

from devices.refusals.models import StoredRefusal
from tests.paths.conftest import Visit
from tests.support.browser import PHONE, WAIT_MS, Person
from tests.support.eventually import eventually
from tests.support.hub import Credentials, RunningHub
from tests.support.servers import find

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)

HOSTILE = b'{"a": "<script>document.title = 1</script><img src=x onerror=document.title=1>\xe2\x80\xae\x1b[2J'


def publish(
    hub: RunningHub, device: Credentials, payload: bytes, kind: str = "telemetry", *, retain: bool = False
) -> None:
    topic = f"devices/{device.uid}/{kind}"
    login = ["-p", str(hub.mqtt_port), "-u", device.uid, "-P", device.secret]
    command = [find("mosquitto_pub"), *login, "-q", "1", "-t", topic, "-s", *(["-r"] if retain else [])]
    subprocess.run(command, input=payload, check=True, timeout=30)


def wait_until_stored(hub: RunningHub, device: Credentials, count: int) -> None:
    """Returns once `count` refused messages of the device are stored. The bridge stores them once a second."""

    def stored() -> int:
        counts = StoredRefusal.objects.filter(device__uid=device.uid).values_list("count", flat=True)
        return sum(counts)

    eventually(lambda: hub.records.run(stored) == count)


def advance_to_next_poll(page: Page) -> None:
    """The panel asks for refused messages every ten seconds."""
    page.clock.run_for(10_000)


@pytest.fixture
def carol(visit: Visit, hub: RunningHub) -> Person:
    return visit(hub, "carol")


def test_a_refused_message_appears_live_and_as_text(carol: Person, hub: RunningHub) -> None:
    device = hub.create_device("broken")
    carol.install_clock()
    carol.page.goto("/devices/broken/")
    panel = carol.page.locator("[data-refused]")
    expect(panel).to_be_hidden()
    publish(hub, device, HOSTILE)
    wait_until_stored(hub, device, 1)
    advance_to_next_poll(carol.page)
    row = panel.get_by_role("listitem")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("the payload is not JSON")
    expect(row).to_contain_text("telemetry")
    assert row.locator("code").inner_text() == HOSTILE.decode().replace("\u202e", r"\u202e").replace("\x1b", r"\x1b")
    publish(hub, device, b'{"a": 1}')
    expect(carol.page.locator("[data-values]")).to_contain_text("1")
    publish(hub, device, b"asleep", "status")
    publish(hub, device, b"{")
    wait_until_stored(hub, device, 3)
    advance_to_next_poll(carol.page)
    expect(row).to_have_count(2)
    expect(row.first).to_contain_text("× 2")
    expect(row.last).to_contain_text("a status is online or offline")
    expect(panel.locator(".count")).to_have_text("3")
    expect(carol.page).to_have_title(re.compile("broken"))
    assert panel.locator("script, img").count() == 0


def test_messages_refused_by_the_broker_are_shown_too(carol: Person, hub: RunningHub) -> None:
    device = hub.create_device("astray")
    publish(hub, device, b'{"a": 1}', "telemetri")
    publish(hub, device, b'{"a": 1, "ENERGY": {"Power": [{}]}}', retain=True)
    publish(hub, device, b'{"ts": 1760000000000, "temperature": 21.5}')
    publish(hub, device, b"x" * 3_000_000, "attributes")
    wait_until_stored(hub, device, 4)
    carol.page.goto("/devices/astray/")
    panel = carol.page.locator("[data-refused]")
    expect(panel.get_by_role("listitem")).to_have_count(4)
    for text in (
        "devices/astray/telemetri",
        "ENERGY.Power",
        '{"ts": …, "values": {…}}',
        "attributes, first 200 of 3,000,000 bytes",
    ):
        expect(panel).to_contain_text(text)


@pytest.mark.parametrize("width", [PHONE["width"], 320, 1440])
def test_a_long_payload_stays_within_its_panel(carol: Person, hub: RunningHub, width: int) -> None:
    device = hub.create_device(f"long-{width}")
    publish(hub, device, b'{"x": ' + b"W" * 100_000)
    publish(hub, device, "a\u0301".encode() * 20 + b"\0" * 1000, "attributes")
    wait_until_stored(hub, device, 2)
    carol.page.set_viewport_size({"width": width, "height": 844})
    carol.page.goto(f"/devices/{device.uid}/")
    panel = carol.page.locator("[data-refused]")
    expect(panel.get_by_role("listitem")).to_have_count(2)
    expect(panel).to_contain_text("telemetry, first 200 of 100,006 bytes")
    assert carol.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    edge = panel.bounding_box()
    for code in panel.locator("code").all():
        box = code.bounding_box()
        assert edge["x"] < box["x"]
        assert box["x"] + box["width"] < edge["x"] + edge["width"]
        assert box["height"] <= 110


def test_refused_messages_are_hidden_from_people_outside_the_space(visit: Visit, hub: RunningHub) -> None:
    device = hub.create_device("private")
    publish(hub, device, b"secret of the space")
    wait_until_stored(hub, device, 1)
    mallory = visit(hub, "mallory")
    for path in ("/devices/private/", "/api/v1/devices/private/refusals"):
        assert mallory.page.goto(path).status == 404
        assert "secret of the space" not in mallory.page.content()
