"""Unread messages and notifications on every page, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from devices.models import Space
from devices.rooms import provisioning, rooms
from devices.spaces import people
from devices.values import Role
from tests.paths.conftest import Visit
from tests.support.browser import PHONE, WAIT_MS, Person
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)

SignIn = Callable[..., Person]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with a person and a room whose names are scripts."""
    server = RunningHub(tmp_path_factory.mktemp("hub"), CHAT_RATE_LIMIT="0")
    server.start()
    server.records.run(create_scripted_names)
    yield server
    code = server.stop()
    print(server.output)
    assert code == 0


SCRIPTED_NAME = "<img/src=x/onerror=alert(1)>"


def create_scripted_names() -> None:
    """Creates a person and a room whose names are scripts."""
    demo = Space.objects.get(slug="demo")
    provisioning.set_role(demo, people.create_person(SCRIPTED_NAME, None), Role.VIEWER)
    rooms.create(demo, "</script><script>alert(1)</script>")


@pytest.fixture
def sign_in(visit: Visit, hub: RunningHub) -> SignIn:
    """Signs a person in, opens a page and waits until its scripts have run."""
    return partial(visit, hub)


_CALL = """
    async ([method, path, body]) => {
        const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
        const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
        const answer = await fetch(`/api/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
        if (!answer.ok) throw new Error(await answer.text());
        return answer.status === 204 ? null : await answer.json();
    }
"""


def call(person: Person, method: str, path: str, body: object = None) -> Any:
    """A request of the HTTP API, as a script of the person's page would send it."""
    return person.page.evaluate(_CALL, [method, path, body])


def send_direct(person: Person, to: str, text: str) -> None:
    call(person, "POST", f"people/{to}/messages", {"text": text})


def post(person: Person, room: int, text: str) -> None:
    call(person, "POST", f"rooms/{room}/messages", {"text": text})


def room_of(person: Person, name: str) -> int:
    """The id of the room of this name."""
    return next(room["id"] for room in call(person, "GET", "rooms")["items"] if room["name"] == name)


def type_message(page: Page, text: str) -> None:
    """Posts in the room that the page shows."""
    page.wait_for_load_state()
    box = page.locator("textarea[aria-label=Message]")
    box.fill(text)
    box.press("Enter")
    expect(page.get_by_role("log")).to_contain_text(text)


def expect_unread(page: Page, entry: str, count: int) -> None:
    badge = page.locator(f"[data-menu-badges={entry}] [data-unread-count]")
    if count:
        expect(badge.locator("[data-number]")).to_have_text(str(count))
    else:
        expect(badge).to_be_hidden()


def clear(person: Person) -> None:
    """Marks everything as read, so that a test starts with nothing unread."""
    notification = call(person, "GET", "inbox")
    for room in [*notification["conversations"], *notification["rooms"]]:
        call(person, "PUT", f"rooms/{room['id']}/read", {"seq": room["seq"]})
    expect(person.page).to_have_title(re.compile(r"^[^(]"))


def test_a_direct_message_is_counted_on_every_page_until_it_is_read(sign_in: SignIn) -> None:
    alice, bob = sign_in("alice", "/inbox/bob/"), sign_in("bob")
    clear(bob)
    second = bob.new_page()
    second.goto("/devices/my-device/")
    type_message(alice.page, "The valve is stuck")
    for page in (bob.page, second):
        expect_unread(page, "inbox", 1)
        expect(page).to_have_title(re.compile(r"^\(1\) "))
    bob.page.get_by_role("link", name=re.compile("^Inbox")).click()
    row = bob.page.locator("[data-conversation]", has_text="alice")
    expect(row).to_contain_text("The valve is stuck")
    row.get_by_role("link").click()
    expect(bob.page.get_by_role("log")).to_contain_text("The valve is stuck")
    for page in (bob.page, second):
        expect_unread(page, "inbox", 0)
        expect(page).to_have_title(re.compile(r"^[^(]"))


def test_a_message_sent_while_a_person_is_away_is_unread_when_they_return(sign_in: SignIn) -> None:
    bob = sign_in("bob")
    clear(bob)
    bob.page.goto("about:blank")
    send_direct(sign_in("alice"), "bob", "When you are back")
    bob.page.goto("/")
    expect_unread(bob.page, "inbox", 1)
    bob.page.goto("/inbox/")
    expect(bob.page.locator("[data-conversation]", has_text="alice")).to_contain_text("When you are back")


def test_a_room_counts_unread_messages_and_highlights_mentions(sign_in: SignIn) -> None:
    alice, bob = sign_in("alice"), sign_in("bob", "/rooms/")
    clear(bob)
    room = room_of(alice, "General")
    post(alice, room, "Good morning")
    expect_unread(bob.page, "rooms", 1)
    expect(bob.page.locator("[data-menu-badges=rooms] [data-mention-count]")).to_be_hidden()
    post(alice, room, "Are you there, @bob?")
    expect_unread(bob.page, "rooms", 2)
    expect(bob.page.locator("[data-menu-badges=rooms] [data-mention-count] [data-number]")).to_have_text("1")
    row = bob.page.locator("[data-room-row]", has_text="General")
    expect(row.locator("[data-unread-count] [data-number]")).to_have_text("2")
    expect(bob.page.locator("[data-room-row]").first).to_contain_text("General")
    row.get_by_role("link").click()
    expect_unread(bob.page, "rooms", 0)


def test_a_new_conversation_can_be_started_from_the_list_of_people(sign_in: SignIn) -> None:
    carol, bob = sign_in("carol", "/inbox/"), sign_in("bob", "/inbox/")
    clear(bob)
    carol.page.get_by_role("region", name="People").get_by_role("link", name="bob").click()
    type_message(carol.page, "Hello, we have not met")
    row = bob.page.locator("[data-conversation]", has_text="carol")
    expect(row).to_contain_text("Hello, we have not met")
    row.get_by_role("link").click()
    expect(bob.page.get_by_role("heading", name="carol", level=1)).to_be_visible()


def test_a_blocked_person_cannot_write_until_the_block_is_lifted(sign_in: SignIn) -> None:
    bob, carol = sign_in("bob", "/inbox/carol/"), sign_in("carol")
    bob.page.locator(".messaging-menu summary").click()
    bob.page.get_by_role("button", name="Block carol").click()
    expect(bob.page.locator("textarea[aria-label=Message]")).to_be_disabled()
    carol.page.goto("/inbox/bob/")
    box = carol.page.locator("textarea[aria-label=Message]")
    expect(box).to_be_disabled()
    expect(box).to_have_attribute("placeholder", "One of you has blocked the other.")
    bob.page.get_by_role("button", name="Unblock").click()
    carol.page.reload()
    type_message(carol.page, "So we talk again")


def test_search_finds_a_message_and_opens_it_in_its_room(sign_in: SignIn, hub: RunningHub) -> None:
    alice = sign_in("alice")
    texts = ["The gasket of the third boiler leaks", *(f"Something else, {n}" for n in range(60))]
    hub.records.fill_room(room_of(alice, "General"), "alice", *texts)
    alice.page.goto("/rooms/")
    find = alice.page.get_by_role("searchbox", name="Find a room or a message")
    find.fill("GASKET boiler")
    find.press("Enter")
    hit = alice.page.get_by_role("link", name=re.compile("third boiler leaks"))
    expect(hit.locator("mark")).to_have_text(["gasket", "boiler"])
    hit.click()
    expect(alice.page).to_have_url(re.compile(r"/rooms/\d+/\?seq=\d+$"))
    expect(alice.page.get_by_role("log").get_by_text("The gasket of the third boiler leaks")).to_be_in_viewport()


def test_the_room_list_can_be_filtered_and_shows_new_rooms_of_a_manager(sign_in: SignIn) -> None:
    alice, bob = sign_in("alice", "/rooms/"), sign_in("bob", "/rooms/")
    alice.page.get_by_role("button", name="New room in Demo").or_(alice.page.locator(".new-room summary")).first.click()
    alice.page.get_by_label("New room", exact=True).fill("Night shift")
    alice.page.get_by_role("button", name="Create").click()
    expect(alice.page.get_by_role("heading", name="Night shift", level=1)).to_be_visible()
    type_message(alice.page, "First!")
    expect(bob.page.locator("[data-room-row]").first).to_contain_text("Night shift")  # without a reload
    bob.page.get_by_role("searchbox").fill("night")
    expect(bob.page.locator("[data-room-row]:visible")).to_have_count(1)


def test_scripts_in_names_and_messages_are_shown_as_text(sign_in: SignIn) -> None:
    send_direct(sign_in(SCRIPTED_NAME), "alice", "<img src=x onerror=alert(2)>")
    alice = sign_in("alice", "/inbox/")
    row = alice.page.locator("[data-conversation]", has_text=SCRIPTED_NAME)
    expect(row).to_contain_text("<img src=x onerror=alert(2)>")
    row.get_by_role("link").click()
    expect(alice.page.get_by_role("heading", name=SCRIPTED_NAME, level=1)).to_be_visible()
    for path in ("/rooms/", "/rooms/?q=onerror", "/rooms/?q=<script>alert(3)</script>"):
        alice.page.goto(path)
        expect(alice.page.locator("[data-room-row]", has_text="<script>")).to_be_visible(visible="q=" not in path)
    alice.page.keyboard.press("Control+k")
    alice.page.get_by_role("combobox", name=re.compile("^Go to")).fill("alert")
    expect(alice.page.get_by_role("option")).to_have_count(2)
    alice.page.keyboard.press("Enter")
    expect(alice.page).to_have_url(re.compile("/(rooms/[0-9]+|inbox/.*alert.*)/$"))
    assert alice.page.evaluate("document.querySelectorAll('main img').length") == 0


def test_ctrl_k_opens_what_was_typed(sign_in: SignIn) -> None:
    bob = sign_in("bob")
    bob.page.keyboard.press("Control+k")
    text = bob.page.get_by_role("combobox", name=re.compile("^Go to"))
    expect(text).to_be_focused()
    text.fill("ali")
    expect(bob.page.get_by_role("option").first).to_contain_text("alice")
    bob.page.keyboard.press("Escape")
    expect(text).to_be_hidden()
    bob.page.keyboard.press("Control+k")
    text.fill("first dev")
    expect(bob.page.get_by_role("option")).to_have_count(2)
    bob.page.keyboard.press("ArrowDown")
    bob.page.keyboard.press("Enter")
    expect(bob.page).to_have_url(re.compile("/devices/my-device/$"))


_NOTIFICATION_STUB = """
    window.shown = [];
    window.Notification = class {
        static permission = "default";
        static asked = 0;
        static async requestPermission() { this.asked += 1; this.permission = "granted"; return "granted"; }
        constructor(title, options) { window.shown.push({ title, ...options, object: this }); }
        close() {}
    };
    if (localStorage.getItem("hubbub-notifications") !== null) Notification.permission = "granted";
    Object.defineProperty(document, "hidden", { get: () => sessionStorage.getItem("hidden") === "1" });
"""


def hide(page: Page) -> None:
    """Makes the page believe that it is hidden."""
    page.evaluate("sessionStorage.setItem('hidden', '1'); document.dispatchEvent(new Event('visibilitychange'))")


def notifications(pages: list[Page]) -> list[dict[str, str]]:
    found = [json.loads(page.evaluate("JSON.stringify(shown)")) for page in pages]
    return [one for shown in found for one in shown]


_SHOWN = "async () => { while (!shown.length) await new Promise((again) => setTimeout(again, 50)); }"


def wait_for_notifications(page: Page) -> None:
    """Returns once the page has shown its notifications or left them to another page: it asks for locks twice."""
    page.evaluate("navigator.locks.query().then(() => navigator.locks.query())")


def test_a_message_is_notified_once_however_many_pages_are_hidden(sign_in: SignIn) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    clear(bob)
    bob.add_script(_NOTIFICATION_STUB)
    bob.page.goto("/inbox/")
    assert bob.page.evaluate("Notification.asked") == 0  # not before the person turns it on
    bob.page.get_by_role("button", name="Turn on").click()
    expect(bob.page.get_by_role("button", name="Turn off")).to_be_visible()
    pages = [bob.page, bob.new_page(), bob.new_page()]
    for page in pages[1:]:
        page.goto("/")
        expect(page.locator("html:not([data-connection])")).to_be_attached()
    send_direct(alice, "bob", "You are looking at it")
    for page in pages:
        expect_unread(page, "inbox", 1)
    assert notifications(pages) == []

    for page in pages:
        hide(page)
    send_direct(alice, "bob", "You are not")
    for page in pages:
        expect_unread(page, "inbox", 2)
    for page in pages:
        wait_for_notifications(page)
    (notification,) = notifications(pages)
    assert (notification["title"], notification["body"]) == ("Message from alice", "You are not")
    assert re.fullmatch(r"hubbub-\d+-\d+", notification["tag"])

    notifier = next(page for page in pages if page.evaluate("shown.length"))
    notifier.evaluate("shown[0].object.onclick()")
    expect(notifier).to_have_url(re.compile(r"/inbox/alice/\?seq=\d+$"))


def test_a_mention_is_notified_and_turning_notifications_off_is_remembered(sign_in: SignIn) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    clear(bob)
    room = room_of(alice, "General")
    bob.add_script(_NOTIFICATION_STUB)
    bob.page.goto("/rooms/")
    bob.page.get_by_role("button", name="Turn on").click()
    hide(bob.page)
    post(alice, room, "Nothing for anybody in particular")
    post(alice, room, "But this, @bob")
    bob.page.evaluate(_SHOWN)
    (notification,) = notifications([bob.page])
    assert (notification["title"], notification["body"]) == ("alice mentions you", "But this, @bob")

    bob.page.get_by_role("button", name="Turn off").click()
    bob.page.reload()
    expect(bob.page.get_by_role("button", name="Turn on")).to_be_visible()
    post(alice, room, "And this, @bob")
    expect(bob.page.locator("[data-menu-badges=rooms] [data-mention-count] [data-number]")).to_have_text("2")
    wait_for_notifications(bob.page)
    assert notifications([bob.page]) == []


_PHONE_STUB = """
    window.shown = [];
    window.Notification = class {
        static permission = "granted";
        constructor() { throw new TypeError("Illegal constructor"); }
    };
    ServiceWorkerRegistration.prototype.showNotification = async function (title, options) {
        window.shown.push({ title, ...options });
    };
    localStorage.setItem("hubbub-notifications", "on");
    Object.defineProperty(document, "hidden", { get: () => sessionStorage.getItem("hidden") === "1" });
"""
_CLICK = """(url) => new Promise((opened) => {
    const notification = { data: { url }, close() {} };
    dispatchEvent(Object.assign(new Event("notificationclick"), { notification, waitUntil: opened }));
})"""


def test_a_service_worker_shows_notifications_where_pages_cannot(sign_in: SignIn) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    clear(bob)
    bob.add_script(_PHONE_STUB)
    bob.page.goto("/")
    expect(bob.page.locator("html:not([data-connection])")).to_be_attached()
    hide(bob.page)
    with bob.context.expect_event("serviceworker") as registered:
        send_direct(alice, "bob", "Are you there?")
    bob.page.evaluate(_SHOWN)
    (notification,) = notifications([bob.page])
    assert (notification["title"], notification["body"]) == ("Message from alice", "Are you there?")
    registered.value.evaluate(_CLICK, notification["data"]["url"])
    expect(bob.page).to_have_url(re.compile(r"/inbox/alice/\?seq=\d+$"))
    expect(bob.page.get_by_role("log")).to_contain_text("Are you there?")


def test_a_phone_shows_either_the_room_list_or_a_room(sign_in: SignIn) -> None:
    bob = sign_in("bob", "/rooms/", has_touch=True)
    bob.page.set_viewport_size(PHONE)
    bob.page.get_by_role("link", name="General").click()
    expect(bob.page.get_by_role("heading", name="General", level=1)).to_be_visible()
    expect(bob.page.locator("[data-rooms]")).to_be_hidden()
    assert bob.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    bob.page.get_by_role("link", name="All rooms").click()
    expect(bob.page.locator("[data-rooms]")).to_be_visible()
