"""A source from its page to the page of a device, in a real browser, at a real Mosquitto."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.paths.conftest import Visit
from tests.support.browser import PHONE, WAIT_MS
from tests.support.hub import RunningHub
from tests.support.owner import OwnersMosquitto, Plug
from tests.support.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """One without the sources of other tests."""
    server = RunningHub(tmp_path_factory.mktemp("source-pages"))
    server.start()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnersMosquitto]:
    server = OwnersMosquitto(tmp_path_factory.mktemp("owner"))
    server.start()
    yield server
    server.stop()


def pictures(page: Page, name: str) -> None:
    """The page at both sizes and in both themes, where somebody wants to look at it."""
    folder = os.environ.get("PICTURES")
    if not folder:
        return
    before = page.viewport_size
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.setAttribute('data-bs-theme', theme)", theme)
        for size in ({"width": 1280, "height": 800}, PHONE):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.wait_for_timeout(300)  # the menu slides out
            page.screenshot(path=f"{folder}/{name}-{theme}-{size['width']}.png", full_page=True)
    if before:
        page.set_viewport_size(before)


def test_a_manager_adds_a_broker_a_source_and_all_that_was_found(
    visit: Visit, hub: RunningHub, mosquitto: OwnersMosquitto
) -> None:
    plugs = [Plug(mosquitto.port, name) for name in ("plug_kitchen", "plug_" + "long_name_" * 6, "plug_hall")]
    for plug in plugs:
        plug.report(POWER="ON")
    page = visit(hub, "alice", "/sources/").page
    expect(page.get_by_text("No sources yet")).to_be_visible()
    pictures(page, "sources-empty")

    page.get_by_role("link", name="Add your own broker").click()
    page.get_by_label("Host", exact=True).fill("127.0.0.1")
    page.get_by_label("Port", exact=True).fill(str(free_port()))
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("[data-test-result]")).to_contain_text("Nothing accepts connections")
    pictures(page, "sources-broker")
    page.get_by_label("Port", exact=True).fill(str(mosquitto.port))
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("[data-test-result]")).to_have_text("The connection works.")
    page.get_by_label("Name", exact=True).fill("shed")
    page.get_by_role("button", name="Add broker").click()
    expect(page.get_by_label("Broker", exact=True)).to_have_value("shed")

    page.get_by_role("button", name="Add source").click()
    expect(page.locator("[data-source-error]")).to_have_text("Choose what the devices speak.")
    page.get_by_role("radio", name=re.compile("Tasmota")).check()
    page.get_by_role("button", name="Add source").click()
    expect(page.locator("[data-found-title]")).to_have_text("3 found on your broker")
    expect(page.locator("[data-state-text]")).to_have_text("Connected")
    for plug in plugs:
        plug.report(POWER="ON", Dimmer=40)
    expect(page.locator("[data-found]")).to_contain_text("Dimmer")
    expect(page.locator("[data-acl=mosquitto]")).to_contain_text("topic read tele/")
    pictures(page, "source-found")
    page.goto("/")
    expect(page.get_by_text("3 found")).to_be_visible()
    pictures(page, "fleet")
    page.goto("/add-device/")
    pictures(page, "add-device")
    page.get_by_role("link", name="Show them").click()
    page.get_by_role("button", name="Ignore plug_hall").click()
    expect(page.locator("[data-found-title]")).to_have_text("2 found on your broker")
    page.get_by_role("button", name="Show ignored").click()
    expect(page.locator("[data-found-title]")).to_have_text("1 ignored")
    page.get_by_role("button", name="Show ignored").click()

    page.get_by_role("button", name="Add all").click()
    expect(page.locator("[data-found-title]")).to_have_text("0 found on your broker")
    pictures(page, "source-added")
    page.goto("/sources/")
    page.get_by_role("button", name="Test shed").click()
    expect(page.locator("[data-broker-result]")).to_have_text("The connection works.")
    page.get_by_role("button", name="Delete shed").click()
    expect(page.locator("[data-broker-result]")).to_contain_text("delete its sources first")
    pictures(page, "sources")
    page.locator(".source-row").first.click()
    page.get_by_role("link", name="plug_kitchen").click()
    expect(page).to_have_url(re.compile("/devices/plug_kitchen/$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("plug_kitchen")
    expect(page.locator(".device-address")).to_contain_text("Tasmota: plug_kitchen, its source")
    pictures(page, "device")
    page.goto("/add-device/")
    page.get_by_label("uid").fill("esp-7")
    page.get_by_role("main").get_by_role("button", name="Add device").click()
    page.get_by_role("tab", name="ESP32").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("#include <PubSubClient.h>")
    pictures(page, "snippets")
    for plug in plugs:
        plug.leave()


def test_a_login_at_the_hubs_own_broker_is_created_and_revoked(visit: Visit, hub: RunningHub) -> None:
    page = visit(hub, "alice", "/spaces/demo/sources/").page
    page.get_by_role("radio", name=re.compile("ESPHome")).check()
    page.get_by_label("Broker", exact=True).select_option("main")
    page.get_by_label("Topic prefix").fill("nodes")
    page.get_by_role("button", name="Add source").click()
    page.get_by_label("Label").fill("Nodes in the shed")
    page.get_by_role("button", name="Create login").click()
    expect(page.locator("[data-login-secret]")).to_have_text(re.compile(".{16,}"))
    expect(page.locator("[data-logins]")).to_contain_text("Nodes in the shed")
    pictures(page, "source-logins")
    page.get_by_role("button", name=re.compile("^Revoke")).click()
    expect(page.locator("[data-logins] li")).to_have_count(0)
    page.locator(".source-delete summary").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page).to_have_url(re.compile("/spaces/demo/sources/$"))


@pytest.mark.parametrize("who", ["bob", "mallory"])
def test_only_managers_see_sources(visit: Visit, hub: RunningHub, who: str) -> None:
    page = visit(hub, who).page
    status = {"bob": 403, "mallory": 404}[who]
    answer = page.goto("/spaces/demo/sources/")
    assert answer is not None
    assert answer.status == status
