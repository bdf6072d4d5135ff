"""Devices with odd values, in a real browser: what is not stored is said, and a manager sets the metrics right."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.paths.conftest import Visit
from tests.paths.rooms.conftest import call, log, message, post
from tests.paths.test_refusals import advance_to_next_poll, publish, wait_until_stored
from tests.support.browser import PHONE, WAIT_MS, Person
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)

ARRAYS = b'{"ENERGY": {"Power": [{"a": 23.6}]}}'
HEADING = "Sends data, but nothing can be stored"


@pytest.fixture
def alice(visit: Visit, hub: RunningHub) -> Person:
    return visit(hub, "alice")


def test_a_device_of_which_nothing_can_be_stored_says_so_where_people_look(alice: Person, hub: RunningHub) -> None:
    device = hub.create_device("unheard")
    page = alice.page
    alice.install_clock()
    page.goto("/devices/unheard/")
    expect(page.get_by_role("heading", name="No data yet")).to_be_visible()
    publish(hub, device, ARRAYS)
    wait_until_stored(hub, device, 1)
    advance_to_next_poll(page)
    notice = page.locator("[data-unstored]")
    expect(notice.get_by_role("heading", name=HEADING)).to_be_visible()
    expect(notice).to_contain_text("ENERGY.Power")
    expect(page.get_by_role("heading", name="No data yet")).to_be_hidden()
    publish(hub, device, b'{"a": 1}')
    expect(page.locator("[data-values]")).to_contain_text("1")
    expect(notice).to_be_hidden()


def test_the_fleet_says_so_too(alice: Person, hub: RunningHub) -> None:
    device = hub.create_device("unheard-2")
    publish(hub, device, ARRAYS)
    wait_until_stored(hub, device, 1)
    alice.page.goto("/")
    card = alice.page.locator("[data-uid=unheard-2]")
    expect(card).to_contain_text(HEADING)
    expect(card).to_contain_text("ENERGY.Power")
    expect(card.get_by_text("No data yet")).to_be_hidden()
    publish(hub, device, b'{"a": 1}')
    expect(card.get_by_text(HEADING)).to_be_hidden()


def test_an_outdated_answer_does_not_bring_the_warning_back(alice: Person, hub: RunningHub) -> None:
    device = hub.create_device("unheard-3")
    publish(hub, device, ARRAYS)
    wait_until_stored(hub, device, 1)
    page = alice.page
    alice.install_clock()
    page.goto("/")
    warning = page.locator("[data-uid=unheard-3]").get_by_text(HEADING)
    expect(warning).to_be_visible()
    outdated = page.request.get("/fleet-status/").text()
    publish(hub, device, b'{"a": 1}')
    expect(warning).to_be_hidden()
    page.route("**/fleet-status/", lambda route: route.fulfill(body=outdated, content_type="application/json"))
    with page.expect_response("**/fleet-status/"):
        page.clock.run_for(5_000)
    page.clock.run_for(1_000)
    expect(page.locator("[data-uid=unheard-3]")).to_have_attribute("data-status", "unknown")  # as in that answer
    assert warning.is_hidden()


def test_texts_that_look_like_numbers_are_read_as_numbers(alice: Person, visit: Visit, hub: RunningHub) -> None:
    device = hub.create_device("texts")
    publish(hub, device, b'{"temp": "21,5", "mode": "auto"}')
    page, carol = alice.page, visit(hub, "carol", "/devices/texts/")
    page.goto("/devices/texts/")
    hint = page.locator("[data-text-hint]")
    expect(hint).to_contain_text("temp sends a number as text")
    assert carol.page.locator("[data-text-hint], [data-metric-settings]").count() == 0
    hint.get_by_role("button").click()
    expect(hint).to_be_hidden()
    publish(hub, device, b'{"temp": "22,5", "mode": "auto"}')
    for person in (alice, carol):
        expect(person.page.locator("[data-metric=temp]")).to_contain_text("22.5")
        expect(person.page.locator("[data-charts]").get_by_label("Chart of Temp")).to_be_visible()


def test_a_manager_renames_and_deletes_metrics_while_others_watch(alice: Person, visit: Visit, hub: RunningHub) -> None:
    device = hub.create_device("renamed")
    publish(hub, device, b'{"t1": 21.5, "junk": 1}')
    page, carol = alice.page, visit(hub, "carol", "/devices/renamed/").page
    page.goto("/devices/renamed/")
    page.get_by_text("Change a metric").click()
    form = page.locator("[data-metric-settings]")
    form.get_by_label("Metric to change").select_option("t1")
    form.get_by_label("Metric name").fill("temperature")
    form.get_by_role("button", name="Save").click()
    for one in (page, carol):
        expect(one.locator("[data-metric=temperature]")).to_contain_text("21.5")
        expect(one.locator("[data-metric=t1]")).to_have_count(0)
        expect(one.locator("[data-charts]").get_by_label("Chart of T1")).to_have_count(0)
    expect(form).to_contain_text("The device sends it as t1.")
    publish(hub, device, b'{"t1": 22.5}')
    expect(carol.locator("[data-metric=temperature]")).to_contain_text("22.5")
    form.get_by_label("Metric to change").select_option("junk")
    form.get_by_label("Ignore it").check()
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_label("Metric to change")).to_contain_text("junk (ignored)")
    form.get_by_role("button", name="Delete").click()
    form.get_by_role("button", name="Delete it with its history").click()
    expect(carol.locator("[data-metric=junk]")).to_have_count(0)
    late = "late" * 32
    publish(hub, device, b'{"%s": 5}' % late.encode())
    expect(page.locator(f"[data-metric={late}]")).to_be_visible()
    for _ in range(2):  # closed and opened again
        page.get_by_text("Change a metric").click()
    expect(form.get_by_label("Metric to change")).to_contain_text(late)
    form.get_by_label("Metric to change").select_option("temperature")
    form.get_by_label("Metric name").fill(late)
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("another metric")
    alice.complaints = [text for text in alice.complaints if "422" not in text]
    assert form.evaluate("form => form.scrollWidth <= form.clientWidth")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_charts_and_values_in_the_room_follow_a_metric_that_is_renamed(alice: Person, hub: RunningHub) -> None:
    device = hub.create_device("charted")
    publish(hub, device, b'{"t1": 21.5}')
    alice.page.goto("/devices/charted/")
    post(alice, "look: @charted.t1")
    value = message(alice, "look:").locator(".reading-now")
    expect(value).to_have_text("now 21.5")
    post(alice, "/chart t1 30m")
    chart = log(alice).locator("li.message[data-kind=chart]")
    expect(chart).to_contain_text("21.5")
    call(alice, "PATCH", "devices/charted/metrics?metric=t1", {"name": "temperature"})
    expect(chart.get_by_label("Chart of Temperature")).to_be_visible()
    publish(hub, device, b'{"t1": 22.5}')
    expect(chart).to_contain_text("22.5")
    expect(value).to_have_text("now 22.5")
    assert chart.locator("canvas").count() == 1


def test_a_switch_understands_texts_and_a_renamed_metric(alice: Person, hub: RunningHub) -> None:
    device = hub.create_device("switched")
    publish(hub, device, b'{"controls.relay": "switch", "controls.level": "slider 0 50"}', "attributes")
    publish(hub, device, b'{"relay": "ON", "level": "21,5"}')
    page = alice.page
    page.goto("/devices/switched/")
    switch = page.get_by_role("switch", name="Relay")
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(page.get_by_role("slider", name="Level")).to_have_value("21.5")
    publish(hub, device, b'{"relay": "off"}')
    expect(switch).to_have_attribute("aria-checked", "false")
    page.get_by_text("Change a metric").click()
    form = page.locator("[data-metric-settings]")
    form.get_by_label("Metric to change").select_option("relay")
    form.get_by_label("Metric name").fill("pump")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("[data-metric=pump]")).to_be_visible()
    publish(hub, device, b'{"relay": "ON"}')
    expect(switch).to_have_attribute("aria-checked", "true")


def test_a_metric_without_values_can_be_taken_back(alice: Person, hub: RunningHub) -> None:
    device = hub.create_device("ignored")
    publish(hub, device, b'{"only": 1}')
    page = alice.page
    page.goto("/devices/ignored/")
    page.get_by_text("Change a metric").click()
    form = page.locator("[data-metric-settings]")
    form.get_by_label("Ignore it").check()
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_label("Metric to change")).to_contain_text("only (ignored)")
    form.get_by_role("button", name="Delete").click()
    form.get_by_role("button", name="Delete it with its history").click()
    expect(page.locator("[data-metric=only]")).to_have_count(0)
    page.reload()
    page.get_by_text("Change a metric").click()
    form.get_by_label("Ignore it").uncheck()
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_label("Metric to change")).not_to_contain_text("ignored")
    publish(hub, device, b'{"only": 2}')
    expect(page.locator("[data-metric=only]")).to_contain_text("2")
