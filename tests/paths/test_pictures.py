"""The README's pictures, made by `make pictures`: the real pages after a few minutes of the demo."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Chromium, Person
from tests.support.hub import RunningHub
from tests.support.servers import ROOT

HISTORY_S = 330
"""A little more than the shortest range of the charts."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(2 * HISTORY_S),
    pytest.mark.skipif("PICTURES" not in os.environ, reason="pictures are made by `make pictures`"),
]

TALK = [
    ("The beds in the north are dry. I give them more.", "/set speed 85"),
    ("@bob it gets loud: @pump-1.pressure", "Then less, and **longer**."),
    ("/set speed 40", "Better, and @pump-1.temperature is fine too."),
]
"""What alice writes, and what bob answers."""

PAGES = {"fleet": "/", "device": "/devices/pump-1/", "dashboard": "/dashboards/1/", "room": "/rooms/"}


@pytest.fixture(scope="module")
def hub(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    server = RunningHub(tmp_path_factory.mktemp("hub"), DEMO="1")
    server.start()
    alice = Person(browser, server, "alice")
    alice.sign_in()
    alice.page.wait_for_timeout(HISTORY_S * 400)
    bob = Person(browser, server, "bob")
    bob.sign_in()
    for person in (alice, bob):
        person.page.goto("/devices/pump-1/")
    for texts in TALK:  # so that the pump's curves change
        for person, text in zip((alice, bob), texts, strict=True):
            box = person.page.get_by_role("textbox", name="Message", exact=True)
            box.fill(text)
            box.press("Enter")
            person.page.wait_for_timeout(2_000)
        alice.page.wait_for_timeout(HISTORY_S * 200)
    alice.leave()
    yield server
    bob.leave()
    server.stop()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(scheme: str, browser: Chromium, hub: RunningHub) -> Iterator[Page]:
    alice = Person(browser, hub, "alice", color_scheme=scheme)
    alice.sign_in()
    expect(alice.page.get_by_role("heading", name="Fleet")).to_be_visible()
    yield alice.page
    alice.leave()


@pytest.mark.parametrize("name", PAGES)
def test_take_a_picture(page: Page, name: str, scheme: str) -> None:
    page.goto(PAGES[name])
    if name == "room":
        page.get_by_role("link", name="Irrigation pump").first.click()
    page.wait_for_timeout(4000)  # until the history is drawn and some live readings have followed
    file = ROOT / "docs" / "images" / (f"{name}.png" if scheme == "light" else f"{name}-{scheme}.png")
    file.parent.mkdir(exist_ok=True)
    page.screenshot(path=file)
    assert file.stat().st_size > 20_000
