"""The log of a room: scrolling through it, and what is new in it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.paths.conftest import Visit
from tests.paths.rooms.conftest import FRAME, PUMP, call, log, message, numbered, post, room_id
from tests.support.browser import PHONE, WAIT_MS, Person
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

expect.set_options(timeout=WAIT_MS)


def test_scrolling_loads_history_and_a_link_opens_at_its_message(sign_in: Visit, hub: RunningHub) -> None:
    hub.create_device("talker")
    alice = sign_in("alice")
    alice.page.goto("/devices/talker/")
    room = room_id(alice.page)
    hub.records.fill_room(room, "alice", *numbered(160))
    alice.page.reload()
    expect(message(alice, "number 160 of")).to_be_in_viewport()
    rows = log(alice).locator("li.message")
    first = rows.first.inner_text()
    scroller = alice.page.locator("[data-log]")
    scroller.evaluate("log => { log.scrollTop = 0; }")
    expect(rows.first).not_to_have_text(first)
    # The messages on the screen stay in place while older ones are inserted above them.
    expect(message(alice, "number 111 of")).to_be_in_viewport()
    newest = alice.page.get_by_role("button", name="Newest")
    expect(newest).to_be_visible()

    bob = sign_in("bob", f"/devices/talker/?seq={20}")
    linked = bob.page.locator("li.entry", has_text="number 20 of many")
    expect(linked).to_be_in_viewport()
    call(bob, "POST", f"rooms/{room}/messages", {"text": "out of sight"})
    count = alice.page.get_by_role("button", name="1 new")
    count.click()
    expect(message(alice, "out of sight")).to_be_in_viewport()
    expect(count).to_be_hidden()
    bob.page.get_by_role("button", name=re.compile("^[0-9]+ new$")).click()
    expect(message(bob, "out of sight")).to_be_in_viewport()


def test_scrolling_back_does_not_move_the_messages_on_screen(sign_in: Visit, hub: RunningHub) -> None:
    hub.create_device("chatterbox")
    alice = sign_in("alice")
    alice.page.goto("/devices/chatterbox/")
    room = room_id(alice.page)
    hub.records.fill_room(room, "alice", *numbered(160))  # at once, so that rows gain and lose their headers
    alice.page.reload()
    expect(message(alice, "number 160 of")).to_be_in_viewport()
    # How far the row that was topmost moves on the screen when others are inserted above it.
    moved = log(alice).evaluate(
        """log => new Promise((resolve) => {
            log.scrollTop = 0;
            const rows = () => [...log.querySelectorAll("li.entry")];
            const topOf = (row) => row.getBoundingClientRect().top;
            const before = topOf(rows()[0]);
            const topmost = rows()[0].innerText.match(/number \\d+ of/)[0];
            new MutationObserver(() => {
                const row = rows().find(({ innerText }) => innerText.includes(topmost));
                if (row === rows()[0]) return;
                resolve(topOf(row) - before);
            }).observe(log, { childList: true, subtree: true });
        })"""
    )
    assert abs(moved) < 2


def test_resizing_the_window_does_not_move_the_topmost_message(sign_in: Visit, hub: RunningHub) -> None:
    hub.create_device("novelist")
    alice = sign_in("alice")
    alice.page.goto("/devices/novelist/")
    room = room_id(alice.page)
    hub.records.fill_room(room, "alice", *(f"{'and so on ' * 30}, {text}" for text in numbered(40)))
    alice.page.goto(f"/rooms/{room}/?seq=20")
    expect(log(alice).locator("li.entry", has_text="number 20 of many")).to_be_in_viewport()
    topmost = log(alice).evaluate_handle(
        """log => [...log.querySelectorAll("li.entry")].find(
            (row) => row.getBoundingClientRect().bottom > log.getBoundingClientRect().top)"""
    )
    box_of = "row => { const { top, height } = row.getBoundingClientRect(); return [top, height]; }"
    top, height = topmost.evaluate(box_of)
    alice.page.set_viewport_size({"width": 1000, "height": 900})
    alice.page.evaluate(FRAME)
    alice.page.evaluate(FRAME)
    new_top, new_height = topmost.evaluate(box_of)
    assert new_height > height  # it has more lines now, as do those above it
    assert abs(new_top - top) < 2


def test_messages_posted_while_a_person_was_away_are_marked_as_new(sign_in: Visit) -> None:
    alice = sign_in("alice")
    post(alice, "seen by bob")
    bob = sign_in("bob")
    expect(message(bob, "seen by bob")).to_be_visible()
    expect_read(bob, f"rooms/{room_id(bob.page)}")
    bob.page.goto("/")
    post(alice, "not seen by bob")
    expect(message(alice, "not seen by bob")).to_be_visible()
    bob.page.goto(PUMP)
    mark = log(bob).locator("li.room-new")
    expect(mark).to_be_visible()
    expect(mark.locator("+ li.entry")).to_contain_text("not seen by bob")


def test_a_room_with_many_new_messages_opens_at_the_first_new_one(sign_in: Visit, hub: RunningHub) -> None:
    hub.create_device("gossip")
    bob = sign_in("bob")
    bob.page.goto("/devices/gossip/")
    room = room_id(bob.page)
    call(bob, "POST", f"rooms/{room}/messages", {"text": "bob has read this"})
    bob.page.goto("/")
    hub.records.fill_room(room, "alice", *numbered(70))
    bob.page.goto("/devices/gossip/")
    mark = log(bob).locator("li.room-new")
    expect(mark).to_be_in_viewport()
    expect(mark.locator("+ li.entry")).to_contain_text("number 1 of many")
    count = bob.page.get_by_role("button", name="70 new")
    count.click()
    expect(message(bob, "number 70 of many")).to_be_in_viewport()
    expect(count).to_be_hidden()
    expect_read(bob, f"rooms/{room}")


_WITHOUT_DELAY = """
    // Sends at once what a page sends after a second, and records the types of all that it sends.
    window.sent = [];
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (text) { sent.push(JSON.parse(text).type); send.call(this, text); };
    const later = setTimeout;
    window.setTimeout = (run, ms, ...more) => later(run, ms === 1000 ? 0 : ms, ...more);
"""


def test_a_room_outside_the_viewport_is_not_marked_as_read(sign_in: Visit) -> None:
    bob, alice = sign_in("bob"), sign_in("alice", script=_WITHOUT_DELAY)
    alice.page.goto("/")
    alice.page.set_viewport_size(PHONE)
    alice.page.goto(PUMP)
    button = alice.page.get_by_role("link", name="Room")
    expect(button).to_be_visible()
    expect(log(alice).locator("li.entry").first).to_be_attached()
    post(bob, "@alice look at this")
    expect(message(alice, "@alice look at this")).to_be_attached()
    # Two frames later it has been drawn, and any report that it was read has been sent.
    alice.page.evaluate(FRAME)
    alice.page.evaluate(FRAME)
    assert "read" not in alice.page.evaluate("sent")
    expect(button.locator("[data-mention-count] [data-number]")).to_have_text("1")
    button.click()
    expect(message(alice, "@alice look at this")).to_be_in_viewport()
    alice.page.evaluate(
        "async () => { while (!sent.includes('read')) await new Promise((again) => setTimeout(again, 50)); }"
    )
    expect(button).to_be_hidden()


def expect_read(person: Person, path: str) -> None:
    """Returns once the person has nothing unread in the room."""
    script = """async (path) => {
        const ask = async () => (await (await fetch(`/api/v1/${path}`)).json()).unread;
        while ((await ask()) !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
    }"""
    person.page.evaluate(script, path)
