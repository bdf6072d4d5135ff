"""A decoder from its page to the readings of a device, in a real browser."""

from __future__ import annotations

import json
import os
import re

import pytest
from playwright.sync_api import Page, expect

from tests.paths.conftest import Visit
from tests.paths.test_refusals import publish
from tests.support.browser import PHONE, WAIT_MS
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)

SCRIPT = """// LSE01 soil sensor
function decodeUplink(input) {
  var bytes = input.bytes;
  if (bytes.length < 4) {
    return { errors: ["expected 4 bytes"] };
  }
  return {
    data: {
      temperature: (bytes[0] << 8 | bytes[1]) / 100,
      moisture: (bytes[2] << 8 | bytes[3]) / 100,
    },
    warnings: bytes[3] === 0 ? ["the probe is dry"] : [],
  };
}
"""
VECTORS = [
    {
        "description": "warm and moist",
        "input": {"bytes": [8, 52, 16, 53], "fPort": 2},
        "output": {"data": {"temperature": 21, "moisture": 41.49}},
    },
    {"description": "too short", "input": {"bytes": [1]}, "output": {"errors": ["expected 4 bytes"]}},
    {"description": "wrong on purpose", "bytes": "08340000", "fPort": 2, "data": {"temperature": 9}},
]


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_manager_pastes_a_script_tries_it_and_gives_it_to_a_device(visit: Visit, hub: RunningHub) -> None:
    device = hub.create_device("soil-9")
    alice = visit(hub, "alice", "/spaces/demo/decoders/")
    page = alice.page
    page.get_by_label("Name").fill("Dragino LSE01")
    page.get_by_role("button", name="Create decoder").click()
    page.get_by_role("textbox", name="Script").fill(SCRIPT)
    page.get_by_label("Bytes (hex)").fill("0834 1000")
    page.get_by_role("button", name="Decode").click()
    expect(page.locator("[data-trial]")).to_contain_text("temperature21")
    expect(page.locator("[data-trial]")).to_contain_text("the probe is dry")
    page.get_by_label("Test vectors, as JSON").fill(json.dumps(VECTORS))
    page.get_by_role("button", name="Run them").click()
    expect(page.locator("[data-vectors-count]")).to_have_text("2 of 3 passed")
    expect(page.locator(".vector[data-passed=false]")).to_contain_text("wrong on purpose")
    picture(page, "decoder")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.goto("/devices/soil-9/")
    page.locator("[data-decoder]").click()
    page.get_by_label("What turns its payloads into values").select_option("Dragino LSE01")
    page.locator("[data-decoder-form]").get_by_role("button", name="Save").click()
    expect(page.locator("[data-decoder]")).to_have_text("Decoder: Dragino LSE01")
    publish(hub, device, b"\x08\x34")
    publish(hub, device, b"\x08\x34\x10\x35")
    expect(page.locator("[data-values]")).to_contain_text(re.compile("21"))
    expect(page.locator("[data-refused]")).to_contain_text("expected 4 bytes")
    picture(page, "device")


def test_a_line_that_fails_is_marked(visit: Visit, hub: RunningHub) -> None:
    page = visit(hub, "alice", "/spaces/demo/decoders/").page
    page.get_by_label("Name").fill("Broken")
    page.get_by_role("button", name="Create decoder").click()
    page.get_by_role("textbox", name="Script").fill(SCRIPT.replace("bytes[0] <<", "bytes.no.such <<"))
    page.get_by_label("Bytes (hex)").fill("08341000")
    page.get_by_role("button", name="Decode").click()
    expect(page.locator("[data-trial]")).to_contain_text("line 9")
    expect(page.locator("[data-script-mark]")).to_be_visible()
    for theme, size in (("dark", None), ("light", PHONE), ("dark", PHONE)):
        if size:
            page.set_viewport_size(size)
        page.evaluate(f"document.documentElement.dataset.bsTheme = '{theme}'")
        picture(page, f"broken-{theme}-{'phone' if size else 'desk'}")
    page.goto("/spaces/demo/decoders/")
    picture(page, "list-phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    picture(page, "list-desk")
