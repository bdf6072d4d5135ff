"""The availability of a device in a real browser: its pill, its history, and how long it may be silent."""

from __future__ import annotations

import subprocess

import pytest
from playwright.sync_api import expect

from tests.paths.conftest import Visit
from tests.support.browser import PHONE, WAIT_MS, Person
from tests.support.hub import Credentials, RunningHub
from tests.support.servers import find

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)


def publish_status(hub: RunningHub, device: Credentials, *statuses: str) -> None:
    """Publishes the statuses of the device, one after the other."""
    login = ["-p", str(hub.mqtt_port), "-u", device.uid, "-P", device.secret]
    command = [find("mosquitto_pub"), *login, "-q", "1", "-t", f"devices/{device.uid}/status", "-l"]
    subprocess.run(command, input="\n".join(statuses), text=True, check=True, timeout=30)


@pytest.fixture
def alice(visit: Visit, hub: RunningHub) -> Person:
    return visit(hub, "alice")


def test_the_page_of_a_flapping_device_shows_that_and_its_last_state(alice: Person, hub: RunningHub) -> None:
    device = hub.create_device("loose-contact")
    alice.page.goto("/devices/loose-contact/")
    pill = alice.page.locator("[data-availability]")
    panel = alice.page.locator("[data-availability-panel]")
    expect(pill).to_have_text("Unknown")
    for _ in range(8):  # one by one, since the changes within a batch count as one
        publish_status(hub, device, "online")
        publish_status(hub, device, "offline")
    expect(pill).to_have_text("Offline")
    expect(panel.get_by_text("Flapping", exact=True).first).to_be_visible()
    expect(panel.get_by_role("listitem").first).to_contain_text("Offline")


def test_a_manager_can_set_on_a_phone_how_long_a_device_may_be_silent(alice: Person, hub: RunningHub) -> None:
    hub.create_device("hourly")
    alice.page.set_viewport_size(PHONE)
    alice.page.goto("/devices/hourly/")
    panel = alice.page.locator("[data-availability-panel]")
    panel.get_by_text("Stale after 5 min of silence, as learned").click()
    panel.get_by_label("Seconds of silence").fill("7200")
    panel.get_by_role("button", name="Save").click()
    expect(panel).to_contain_text("Stale after 2 h of silence, as set")
    alice.page.reload()
    expect(panel).to_contain_text("Stale after 2 h of silence, as set")
    assert alice.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
