"""Drafts, edits and completion: what happens to a text before and after it is sent."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Route, expect

from tests.paths.conftest import Visit
from tests.paths.rooms.conftest import PUMP, box, log, message, post, room_id
from tests.support.browser import WAIT_MS
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

expect.set_options(timeout=WAIT_MS)


def test_a_draft_survives_a_reload(sign_in: Visit) -> None:
    alice = sign_in("alice")
    box(alice).fill("half a sentence")
    alice.page.reload()
    expect(box(alice)).to_have_value("half a sentence")
    box(alice).fill("")
    alice.page.reload()
    expect(box(alice)).to_have_value("")


def test_the_next_person_in_the_same_tab_does_not_see_the_draft(sign_in: Visit) -> None:
    alice = sign_in("alice")
    box(alice).fill("half a secret")
    alice.page.get_by_role("button", name="Sign out").click()
    alice.username = "bob"
    alice.sign_in_by_form()
    expect(alice.page.get_by_role("heading", name="Fleet")).to_be_visible()
    alice.page.goto(PUMP)
    expect(log(alice).locator("li.entry").first).to_be_attached()
    expect(box(alice)).to_have_value("")


def test_a_page_of_another_person_sends_nothing_and_reloads(sign_in: Visit) -> None:
    """The back-forward cache may show such a page after another person has signed in."""
    alice = sign_in("alice")
    room = room_id(alice.page)
    unsent = json.dumps({"text": "", "unsent": [{"key": "k", "text": "bob wrote this", "at": 0}]})
    alice.page.evaluate("([name, text]) => sessionStorage.setItem(name, text)", [f"hubbub.room.bob.{room}", unsent])
    pages: list[str] = []

    def answer_for_bob_at_first(route: Route) -> None:
        response = route.fetch()
        pages.append(response.text())
        body = pages[-1] if len(pages) > 1 else pages[-1].replace('"alice"', '"bob"')
        route.fulfill(response=response, body=body)

    alice.page.route(f"**{PUMP}", answer_for_bob_at_first)
    alice.page.goto(PUMP)
    expect(alice.page.locator("body[data-person=alice]")).to_be_attached()
    expect(log(alice).locator("li.entry").first).to_be_attached()
    post(alice, "alice wrote this")
    expect(message(alice, "alice wrote this")).to_be_visible()
    expect(log(alice)).not_to_contain_text("bob wrote this")
    assert len(pages) == 2


def test_messages_posted_without_the_hub_appear_once_when_it_is_back(sign_in: Visit, hub: RunningHub) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    post(alice, "before the break")
    expect(message(bob, "before the break")).to_be_visible()
    assert hub.stop() == 0
    post(alice, "said to nobody, first")
    post(alice, "said to nobody, second")
    waiting = log(alice).locator("li[data-state=waiting]")
    expect(waiting.first).to_contain_text("Waiting for the connection")
    box(alice).fill("and still typing")
    hub.start()
    for person in (alice, bob):
        expect(message(person, "said to nobody, second")).to_be_visible()
        texts = log(person).locator("li.message", has_text="said to nobody")
        expect(texts).to_have_count(2)
        expect(texts.first).to_contain_text("first")
    expect(box(alice)).to_have_value("and still typing")
    box(alice).fill("")


def test_messages_can_be_edited_and_deleted_and_keep_their_revisions(sign_in: Visit) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    post(bob, "the pmup is loud")
    expect(message(bob, "the pmup is loud")).to_be_visible()
    box(bob).press("ArrowUp")
    expect(box(bob)).to_have_value("the pmup is loud")
    box(bob).press("Escape")
    expect(box(bob)).to_have_value("")
    box(bob).press("ArrowUp")
    post(bob, "the pump is loud")
    edited = message(alice, "the pump is loud")
    edited.get_by_role("button", name="edited").click()
    expect(edited.locator(".revisions")).to_contain_text("the pmup is loud")
    # A manager may delete other people's messages but not edit them.
    edited.hover()
    expect(edited.get_by_role("button", name="Edit", exact=True)).to_be_hidden()
    edited.get_by_role("button", name="Delete", exact=True).click()
    edited.get_by_role("button", name="Really delete?").click()
    expect(message(bob, "Deleted by alice")).to_be_visible()
    expect(log(bob)).not_to_contain_text("the pump is loud")
    message(bob, "Deleted by alice").get_by_role("button", name="show").click()
    expect(message(bob, "Deleted by alice")).to_contain_text("the pump is loud")


def test_an_edit_restores_the_draft_and_a_refused_edit_is_kept(sign_in: Visit) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    post(bob, "to be deleted")
    expect(message(alice, "to be deleted")).to_be_visible()
    box(bob).fill("half a sentence")
    message(bob, "to be deleted").hover()
    bob.page.get_by_role("button", name="Edit", exact=True).click()
    box(bob).fill("to be kept after all")
    message(alice, "to be deleted").hover()
    alice.page.get_by_role("button", name="Delete", exact=True).click()
    alice.page.get_by_role("button", name="Really delete?").click()
    expect(message(bob, "Deleted by alice")).to_be_visible()
    box(bob).press("Enter")
    expect(box(bob)).to_have_value("half a sentence")
    expect(bob.page.get_by_role("alert")).to_contain_text("Not changed")
    box(bob).press_sequentially(", and more")
    bob.page.get_by_role("button", name="Edit again").click()
    expect(box(bob)).to_have_value("to be kept after all")
    box(bob).press("Escape")
    expect(box(bob)).to_have_value("half a sentence, and more")
    box(bob).fill("")


def test_keyboard_focus_stays_on_a_deleted_message(sign_in: Visit) -> None:
    alice = sign_in("alice")
    post(alice, "to be deleted by keyboard")
    expect(message(alice, "to be deleted by keyboard")).to_be_visible()
    log(alice).focus()
    alice.page.keyboard.press("ArrowUp")
    expect(alice.page.locator("li.entry:focus")).to_contain_text("to be deleted by keyboard")
    alice.page.keyboard.press("Delete")
    expect(alice.page.locator("[data-announcer]")).to_have_text("Really delete?")
    alice.page.keyboard.press("Delete")
    expect(alice.page.locator("li.entry:focus")).to_contain_text("Deleted")


def test_completion_offers_commands_people_and_metrics(sign_in: Visit) -> None:
    alice = sign_in("alice")
    options = alice.page.get_by_role("listbox", name="Completions").get_by_role("option")
    box(alice).press_sequentially("/se")
    expect(options.first).to_contain_text("/set NAME VALUE")
    box(alice).press("Tab")
    expect(box(alice)).to_have_value("/set ")
    expect(options.filter(has_text="speed")).to_be_visible()
    box(alice).press("Escape")
    expect(options).to_have_count(0)
    box(alice).fill("")
    box(alice).press_sequentially("hi @bo")
    expect(options.first).to_contain_text("@bob")
    box(alice).press("Enter")
    expect(box(alice)).to_have_value("hi @bob ")
    box(alice).press_sequentially("see @pump-1.temp")
    expect(options.first).to_contain_text("@pump-1.temperature")
    box(alice).press("Enter")
    expect(box(alice)).to_have_value("hi @bob see @pump-1.temperature ")
    box(alice).fill("")
    box(alice).press_sequentially("hi @bo")
    expect(options.first).to_contain_text("@bob")
    box(alice).press("Home")  # where there is nothing to complete
    expect(options).to_have_count(0)
    box(alice).fill("")


def test_a_too_long_message_is_counted_and_not_sent(sign_in: Visit) -> None:
    alice = sign_in("alice")
    box(alice).fill("x" * 1_990)
    expect(alice.page.locator("[data-count]")).to_have_text("10")
    box(alice).fill("🌱" * 2_001)
    expect(alice.page.locator("[data-count]")).to_have_text("1 too many")
    expect(alice.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    box(alice).press("Enter")
    expect(log(alice).locator("li[data-state]")).to_have_count(0)
    box(alice).fill("")
