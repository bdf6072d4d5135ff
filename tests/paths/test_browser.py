"""Whole ways in a real browser: simulated devices, the hub, Chromium."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.paths.conftest import Visit
from tests.support.browser import WAIT_MS, Chromium, Person
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)

_NUMBER = re.compile(r"\d")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with its demo devices."""
    server = RunningHub(tmp_path_factory.mktemp("hub"), DEMO="1")
    server.start()
    yield server
    code = server.stop()
    print(server.output)
    assert code == 0


@pytest.fixture
def alice(visit: Visit, hub: RunningHub) -> Person:
    return visit(hub, "alice")


def test_a_wrong_password_is_refused_and_the_right_one_opens_the_fleet(browser: Chromium, hub: RunningHub) -> None:
    person = Person(browser, hub, "bob")
    person.sign_in_by_form("wrong")
    expect(person.page.get_by_role("alert")).to_be_visible()
    person.sign_in_by_form()
    expect(person.page.get_by_role("heading", name="Fleet")).to_be_visible()
    person.page.get_by_role("button", name="Sign out").click()
    expect(person.page.get_by_role("heading", name="Sign in")).to_be_visible()
    person.page.goto("/")
    expect(person.page.get_by_role("heading", name="Sign in")).to_be_visible()
    person.leave()
    assert person.complaints == []


def test_values_on_the_fleet_page_update_by_themselves(alice: Person) -> None:
    value = alice.page.locator("[data-uid=meter-1] .lead-value [data-part=value]")
    expect(value).to_have_text(_NUMBER)
    first = value.inner_text()
    expect(value).not_to_have_text(first)


def test_a_reading_published_with_mosquitto_pub_appears_on_the_page(alice: Person, hub: RunningHub) -> None:
    device = hub.create_device("newcomer")
    alice.page.goto("/devices/newcomer/")
    expect(alice.page.get_by_role("heading", name="No data yet")).to_be_visible()
    login = f"-p {hub.mqtt_port} -u {device.uid} -P {device.secret}"
    payload = '{"temperature": 21.5, "name": "<img src=x onerror=alert(1)>"}'
    line = f"mosquitto_pub {login} -q 1 -t devices/newcomer/telemetry -m '{payload}'"
    subprocess.run(line, shell=True, check=True, timeout=30)
    values = alice.page.locator("[data-values]")
    expect(values).to_contain_text("21.5")
    expect(values).to_contain_text("<img src=x onerror=alert(1)>")
    expect(alice.page.locator("[data-availability]")).to_have_attribute("data-status", "online")


def test_a_command_is_answered_and_the_device_obeys(alice: Person) -> None:
    page = alice.page
    page.goto("/devices/pump-1/")
    speed = page.get_by_role("slider", name="Speed")
    speed.wait_for()
    target = "35" if speed.input_value() != "35" else "60"
    speed.fill(target)
    newest = page.locator("[data-commands] > li").first
    expect(newest).to_contain_text("speed")
    expect(newest).to_contain_text("alice")
    expect(newest.locator("[data-part=status]")).to_contain_text("Done", ignore_case=True)
    row = page.locator("[data-values] tr", has=page.get_by_text("Speed", exact=True))
    expect(row.locator("[data-part=value]")).to_have_text(target)


def test_a_viewer_sees_controls_but_cannot_use_them(visit: Visit, hub: RunningHub) -> None:
    carol = visit(hub, "carol", "/devices/pump-1/")
    expect(carol.page.get_by_role("slider", name="Speed")).to_be_disabled()


def test_someone_without_a_space_sees_no_devices(visit: Visit, hub: RunningHub) -> None:
    page = visit(hub, "mallory").page
    expect(page.get_by_text("not a member of any space")).to_be_visible()
    answers = [page.goto(path) for path in ("/devices/pump-1/", "/devices/missing/", "/dashboards/1/")]
    assert [answer.status for answer in answers if answer] == [404, 404, 404]


def test_values_on_a_dashboard_update_by_themselves(alice: Person) -> None:
    page = alice.page
    page.get_by_role("link", name="Greenhouse", exact=True).click()
    value = page.locator("[data-part=value]").first
    expect(value).to_have_text(_NUMBER)
    first = value.inner_text()
    expect(value).not_to_have_text(first)


BLOCKED = """
    window.WebSocket = class {
        constructor() { setTimeout(() => this.onclose({ code: 1006 }), 50); }
        close() {}
    };
"""


def test_pages_stay_live_without_websockets(alice: Person) -> None:
    page = alice.page
    page.add_init_script(BLOCKED)
    page.goto("/dashboards/1/")
    value = page.locator("[data-part=value]").first
    expect(value).to_have_text(_NUMBER)
    first = value.inner_text()
    expect(value).not_to_have_text(first)

    with page.expect_response("**/api/v1/stream?*device=pump-1*"):
        page.goto("/devices/pump-1/")
    speed = page.get_by_role("slider", name="Speed")
    speed.wait_for()
    speed.fill("45" if speed.input_value() != "45" else "50")
    newest = page.locator("[data-commands] > li").first
    expect(newest.locator("[data-part=status]")).to_contain_text("Done", ignore_case=True)


def test_a_lost_connection_is_shown_and_restored_by_itself(alice: Person, hub: RunningHub) -> None:
    page = alice.page
    page.goto("/devices/meter-1/")
    power = page.locator("[data-values] tr", has=page.get_by_text("Power", exact=True))
    value = power.locator("[data-part=value]")
    expect(value).to_have_text(_NUMBER)
    bar = page.locator("[data-connection-bar]")
    expect(bar).not_to_be_visible()

    assert hub.stop() == 0
    expect(bar).to_be_visible()
    hub.start()
    expect(bar).not_to_be_visible()
    last = value.inner_text()
    expect(value).not_to_have_text(last)
