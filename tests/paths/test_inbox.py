"""What people hear of each other on whatever page they are, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from devices.models import Space
from devices.rooms import provisioning, rooms
from devices.spaces import people
from devices.values import Role
from tests.support.browser import PHONE, WAIT_MS, Person
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)

Come = Callable[..., Person]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with a person whose name is a script."""
    server = RunningHub(tmp_path_factory.mktemp("hub"), CHAT_RATE_LIMIT="0")
    server.start()
    server.records.run(_odd)
    yield server
    code = server.stop()
    print(server.output)
    assert code == 0


ODD = "<img/src=x/onerror=alert(1)>"


def _odd() -> None:
    """A person and a room whose names are scripts."""
    demo = Space.objects.get(slug="demo")
    provisioning.set_role(demo, people.create_person(ODD, None), Role.VIEWER)
    rooms.create(demo, "</script><script>alert(1)</script>")


@pytest.fixture
def come(browser: Browser, hub: RunningHub) -> Iterator[Come]:
    """Lets a person come with a browser of their own; their pages must not complain, nor open a dialog."""
    present: list[Person] = []

    def arrive(username: str, path: str = "/", **options: object) -> Person:
        person = Person(browser, hub, username, **options)
        person.context.on("dialog", lambda dialog: person.complaints.append(f"dialog: {dialog.message}"))
        person.sign_in()
        expect(person.page.get_by_role("heading", name="Fleet")).to_be_visible()
        person.page.wait_for_load_state()  # its scripts have run then
        if path != "/":
            person.page.goto(path)
        present.append(person)
        return person

    yield arrive
    for person in present:
        person.leave()
        assert person.complaints == []


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


def write(person: Person, to: str, text: str) -> None:
    call(person, "POST", f"people/{to}/messages", {"text": text})


def say(person: Person, room: int, text: str) -> None:
    call(person, "POST", f"rooms/{room}/messages", {"text": text})


def room_of(person: Person, name: str) -> int:
    """The id of the room of this name."""
    return next(room["id"] for room in call(person, "GET", "rooms")["items"] if room["name"] == name)


def type_message(page: Page, text: str) -> None:
    """Writes into the room that the page shows."""
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
    """Reads all that is there, so that a test begins with nothing unread."""
    told = call(person, "GET", "inbox")
    for room in [*told["conversations"], *told["rooms"]]:
        call(person, "PUT", f"rooms/{room['id']}/read", {"seq": room["seq"]})
    expect(person.page).to_have_title(re.compile(r"^[^(]"))


def test_a_private_message_shows_on_any_page_and_reading_it_shows_on_all(come: Come) -> None:
    alice, bob = come("alice", "/inbox/bob/"), come("bob")
    clear(bob)
    second = bob.context.new_page()
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


def test_a_message_waits_for_who_is_away(come: Come) -> None:
    bob = come("bob")
    clear(bob)
    bob.page.goto("about:blank")
    write(come("alice"), "bob", "When you are back")
    bob.page.goto("/")
    expect_unread(bob.page, "inbox", 1)
    bob.page.goto("/inbox/")
    expect(bob.page.locator("[data-conversation]", has_text="alice")).to_contain_text("When you are back")


def test_a_room_counts_and_a_mention_stands_out(come: Come) -> None:
    alice, bob = come("alice"), come("bob", "/rooms/")
    clear(bob)
    room = room_of(alice, "General")
    say(alice, room, "Good morning")
    expect_unread(bob.page, "rooms", 1)
    expect(bob.page.locator("[data-menu-badges=rooms] [data-mention-count]")).to_be_hidden()
    say(alice, room, "Are you there, @bob?")
    expect_unread(bob.page, "rooms", 2)
    expect(bob.page.locator("[data-menu-badges=rooms] [data-mention-count] [data-number]")).to_have_text("1")
    row = bob.page.locator("[data-room-row]", has_text="General")
    expect(row.locator("[data-unread-count] [data-number]")).to_have_text("2")
    expect(bob.page.locator("[data-room-row]").first).to_contain_text("General")
    row.get_by_role("link").click()
    expect_unread(bob.page, "rooms", 0)


def test_a_conversation_with_somebody_new_begins_from_the_picker(come: Come) -> None:
    carol, bob = come("carol", "/inbox/"), come("bob", "/inbox/")
    clear(bob)
    carol.page.get_by_role("region", name="People").get_by_role("link", name="bob").click()
    type_message(carol.page, "Hello, we have not met")
    row = bob.page.locator("[data-conversation]", has_text="carol")
    expect(row).to_contain_text("Hello, we have not met")
    row.get_by_role("link").click()
    expect(bob.page.get_by_role("heading", name="carol", level=1)).to_be_visible()


def test_who_is_blocked_cannot_write_until_it_is_taken_back(come: Come) -> None:
    bob, carol = come("bob", "/inbox/carol/"), come("carol")
    bob.page.locator(".talk-menu summary").click()
    bob.page.get_by_role("button", name="Block carol").click()
    expect(bob.page.locator("textarea[aria-label=Message]")).to_be_disabled()
    carol.page.goto("/inbox/bob/")
    box = carol.page.locator("textarea[aria-label=Message]")
    expect(box).to_be_disabled()
    expect(box).to_have_attribute("placeholder", "One of you has blocked the other.")
    bob.page.get_by_role("button", name="Unblock").click()
    carol.page.reload()
    type_message(carol.page, "So we talk again")


def test_search_finds_a_message_and_opens_it(come: Come) -> None:
    alice = come("alice")
    room = room_of(alice, "General")
    say(alice, room, "The gasket of the third boiler leaks")
    for n in range(60):
        say(alice, room, f"Something else, {n}")
    alice.page.goto("/rooms/")
    find = alice.page.get_by_role("searchbox", name="Find a room or a message")
    find.fill("GASKET boiler")
    find.press("Enter")
    hit = alice.page.get_by_role("link", name=re.compile("third boiler leaks"))
    expect(hit.locator("mark")).to_have_text(["gasket", "boiler"])
    hit.click()
    expect(alice.page).to_have_url(re.compile(r"/rooms/\d+/\?seq=\d+$"))
    expect(alice.page.get_by_role("log").get_by_text("The gasket of the third boiler leaks")).to_be_in_viewport()


def test_the_list_of_rooms_narrows_down_and_a_manager_adds_to_it(come: Come) -> None:
    alice, bob = come("alice", "/rooms/"), come("bob", "/rooms/")
    alice.page.get_by_role("button", name="New room in Demo").or_(alice.page.locator(".new-room summary")).first.click()
    alice.page.get_by_label("New room", exact=True).fill("Night shift")
    alice.page.get_by_role("button", name="Create").click()
    expect(alice.page.get_by_role("heading", name="Night shift", level=1)).to_be_visible()
    type_message(alice.page, "First!")
    expect(bob.page.locator("[data-room-row]").first).to_contain_text("Night shift")  # without a reload
    bob.page.get_by_role("searchbox").fill("night")
    expect(bob.page.locator("[data-room-row]:visible")).to_have_count(1)


def test_scripts_in_names_and_messages_stay_text(come: Come) -> None:
    write(come(ODD), "alice", "<img src=x onerror=alert(2)>")
    alice = come("alice", "/inbox/")
    row = alice.page.locator("[data-conversation]", has_text=ODD)
    expect(row).to_contain_text("<img src=x onerror=alert(2)>")
    row.get_by_role("link").click()
    expect(alice.page.get_by_role("heading", name=ODD, level=1)).to_be_visible()
    for path in ("/rooms/", "/rooms/?q=onerror", "/rooms/?q=<script>alert(3)</script>"):
        alice.page.goto(path)
        expect(alice.page.locator("[data-room-row]", has_text="<script>")).to_be_visible(visible="q=" not in path)
    alice.page.keyboard.press("Control+k")
    alice.page.get_by_role("combobox", name=re.compile("^Go to")).fill("alert")
    expect(alice.page.get_by_role("option")).to_have_count(2)
    alice.page.keyboard.press("Enter")
    expect(alice.page).to_have_url(re.compile("/(rooms/[0-9]+|inbox/.*alert.*)/$"))
    assert alice.page.evaluate("document.querySelectorAll('main img').length") == 0


def test_ctrl_k_goes_where_one_types(come: Come) -> None:
    bob = come("bob")
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


_STUB = """
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
    """As if the person looked at something else."""
    page.evaluate("sessionStorage.setItem('hidden', '1'); document.dispatchEvent(new Event('visibilitychange'))")


def notifications(pages: list[Page]) -> list[dict[str, str]]:
    found = [json.loads(page.evaluate("JSON.stringify(shown)")) for page in pages]
    return [one for shown in found for one in shown]


_SHOWN = "async () => { while (!shown.length) await new Promise((again) => setTimeout(again, 50)); }"


def decided(page: Page) -> None:
    """Returns once the page has told of what it has heard, or left it to another: it asks for locks twice before."""
    page.evaluate("navigator.locks.query().then(() => navigator.locks.query())")


def test_a_message_is_told_once_however_many_pages_are_hidden(come: Come) -> None:
    alice, bob = come("alice"), come("bob")
    clear(bob)
    bob.context.add_init_script(_STUB)
    bob.page.goto("/inbox/")
    assert bob.page.evaluate("Notification.asked") == 0  # not before it is wanted
    bob.page.get_by_role("button", name="Turn on").click()
    expect(bob.page.get_by_role("button", name="Turn off")).to_be_visible()
    pages = [bob.page, bob.context.new_page(), bob.context.new_page()]
    for page in pages[1:]:
        page.goto("/")
        expect(page.locator("html:not([data-connection])")).to_be_attached()
    write(alice, "bob", "You are looking at it")
    for page in pages:
        expect_unread(page, "inbox", 1)
    assert notifications(pages) == []

    for page in pages:
        hide(page)
    write(alice, "bob", "You are not")
    for page in pages:
        expect_unread(page, "inbox", 2)
    for page in pages:
        decided(page)
    (told,) = notifications(pages)
    assert (told["title"], told["body"]) == ("Message from alice", "You are not")
    assert re.fullmatch(r"hubbub-\d+-\d+", told["tag"])

    teller = next(page for page in pages if page.evaluate("shown.length"))
    teller.evaluate("shown[0].object.onclick()")
    expect(teller).to_have_url(re.compile(r"/inbox/alice/\?seq=\d+$"))


def test_a_mention_is_told_and_the_off_switch_is_remembered(come: Come) -> None:
    alice, bob = come("alice"), come("bob")
    clear(bob)
    room = room_of(alice, "General")
    bob.context.add_init_script(_STUB)
    bob.page.goto("/rooms/")
    bob.page.get_by_role("button", name="Turn on").click()
    hide(bob.page)
    say(alice, room, "Nothing for anybody in particular")
    say(alice, room, "But this, @bob")
    bob.page.evaluate(_SHOWN)
    (told,) = notifications([bob.page])
    assert (told["title"], told["body"]) == ("alice mentions you", "But this, @bob")

    bob.page.get_by_role("button", name="Turn off").click()
    bob.page.reload()
    expect(bob.page.get_by_role("button", name="Turn on")).to_be_visible()
    say(alice, room, "And this, @bob")
    expect(bob.page.locator("[data-menu-badges=rooms] [data-mention-count] [data-number]")).to_have_text("2")
    decided(bob.page)
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


def test_where_pages_may_show_no_notification_a_worker_does(come: Come) -> None:
    alice, bob = come("alice"), come("bob")
    clear(bob)
    bob.context.add_init_script(_PHONE_STUB)
    bob.page.goto("/")
    expect(bob.page.locator("html:not([data-connection])")).to_be_attached()
    hide(bob.page)
    with bob.context.expect_event("serviceworker") as registered:
        write(alice, "bob", "Are you there?")
    bob.page.evaluate(_SHOWN)
    (told,) = notifications([bob.page])
    assert (told["title"], told["body"]) == ("Message from alice", "Are you there?")
    registered.value.evaluate(_CLICK, told["data"]["url"])
    expect(bob.page).to_have_url(re.compile(r"/inbox/alice/\?seq=\d+$"))
    expect(bob.page.get_by_role("log")).to_contain_text("Are you there?")


def test_on_a_phone_the_list_and_the_room_take_turns(come: Come) -> None:
    bob = come("bob", "/rooms/", has_touch=True)
    bob.page.set_viewport_size(PHONE)
    bob.page.get_by_role("link", name="General").click()
    expect(bob.page.get_by_role("heading", name="General", level=1)).to_be_visible()
    expect(bob.page.locator("[data-rooms]")).to_be_hidden()
    assert bob.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    bob.page.get_by_role("link", name="All rooms").click()
    expect(bob.page.locator("[data-rooms]")).to_be_visible()
