"""A hub with rooms, and what people do in them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.paths.conftest import Visit
from tests.support.browser import Person
from tests.support.hub import RunningHub

PUMP = "/devices/pump-1/"


FRAME = "new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))"
"""Resolves once the page has drawn its current state."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with its demo devices, and without a rate limit for chat messages."""
    server = RunningHub(tmp_path_factory.mktemp("hub"), DEMO="1", CHAT_RATE_LIMIT="0")
    server.start()
    yield server
    code = server.stop()
    print(server.output)
    assert code == 0


@pytest.fixture
def sign_in(visit: Visit, hub: RunningHub) -> Visit:
    """Signs a person in and opens a page with a room."""

    def sign_in_person(username: str, path: str = PUMP, **options: object) -> Person:
        person = visit(hub, username, path, **options)
        expect(log(person).locator("li.entry").first).to_be_attached()
        return person

    return sign_in_person


def log(person: Person) -> Locator:
    return person.page.get_by_role("log", name="Messages")


def box(person: Person) -> Locator:
    return person.page.get_by_role("textbox", name="Message", exact=True)


def post(person: Person, text: str) -> None:
    box(person).fill(text)
    box(person).press("Enter")


def message(person: Person, text: str) -> Locator:
    """The newest stored message that contains the text."""
    return log(person).locator("li.message:not([data-state])", has_text=text).last


_CALL = """
    async ([method, path, body]) => {
        const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
        const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
        const answer = await fetch(`/api/v1/${path}`, { method, headers, body: JSON.stringify(body) });
        if (!answer.ok) throw new Error(await answer.text());
    }
"""


def call(person: Person, method: str, path: str, body: object) -> None:
    person.page.evaluate(_CALL, [method, path, body])


def room_id(page: Page) -> int:
    return int(json.loads(page.locator("#page").text_content() or "")["room"]["id"])


def row(page: Page, name: str) -> Locator:
    """The table row with the newest value of this name."""
    values = page.get_by_role("region", name="Newest values")
    return values.locator("tr", has=page.get_by_text(name, exact=True))


def numbered(count: int) -> Iterator[str]:
    return (f"number {number} of many" for number in range(1, count + 1))
