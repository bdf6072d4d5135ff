"""A device whose clock is wrong, on its page and in the fleet."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from playwright.sync_api import expect

from tests.paths.conftest import Visit
from tests.support.browser import WAIT_MS
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)


def test_a_wrong_clock_is_shown_until_its_times_are_ignored(visit: Visit, hub: RunningHub) -> None:
    device = hub.create_device("drifter")
    page = visit(hub, "alice").page
    expect(page.locator("[data-uid=drifter]").get_by_text("No data yet")).to_be_visible()
    login = ["-p", str(hub.mqtt_port), "-u", device.uid, "-P", device.secret]
    payload = json.dumps({"ts": time.time_ns() // 1_000_000 + 4 * 3_600_000, "values": {"level": 7}})
    command = ["mosquitto_pub", *login, "-q", "1", "-t", f"devices/{device.uid}/telemetry", "-m", payload]
    subprocess.run(command, check=True, timeout=30)
    card = page.locator("[data-uid=drifter]")
    expect(card.get_by_text("Clock is 3 h ahead").or_(card.get_by_text("Clock is 4 h ahead"))).to_be_visible()
    page.goto("/devices/drifter/")
    warning = page.locator("[data-clock]")
    expect(warning).to_contain_text("ahead")
    page.get_by_text("Clock: the device’s own times").click()
    page.get_by_text("Use the time of receipt.").click()
    page.get_by_label("Time zone for times without an offset").fill("Europe/Nowhere")
    save = page.locator("[data-clock-form]").get_by_role("button", name="Save")
    save.click()
    expect(page.locator("[data-clock-error]")).to_contain_text("Europe/Berlin")
    page.get_by_label("Time zone for times without an offset").fill("")
    save.click()
    expect(page.locator("[data-clock-settings]")).to_have_text("Clock: time of receipt")
    expect(warning).to_be_hidden()
    subprocess.run(command, check=True, timeout=30)
    page.reload()
    expect(warning).to_be_hidden()
