"""People and a device in one room, each person with their own browser."""

from __future__ import annotations

import io
import json
import re
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.paths.conftest import Visit
from tests.support.browser import PHONE, WAIT_MS, Person
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

expect.set_options(timeout=WAIT_MS)

SignIn = Callable[..., Person]
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
def sign_in(visit: Visit, hub: RunningHub) -> SignIn:
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


def test_a_chat_command_its_answer_and_its_effect_form_one_timeline(sign_in: SignIn) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    speed = row(bob.page, "Speed")
    chart = bob.page.locator(
        ".device-charts .chart-panel", has=bob.page.get_by_role("heading", name="Speed", exact=True)
    )
    post(alice, "/set speed 65")
    expect(speed.locator("[data-part=value]")).to_have_text("65")
    expect(log(bob).locator("li.answer-line", has_text="65")).to_be_visible()  # may come after the value
    post(alice, "I turn it down")
    post(alice, "/set speed 40")

    command = log(bob).locator("li.command-line", has_text="/set speed 40").last
    expect(command).to_contain_text("alice")
    expect(command.locator(".outcome")).to_have_text("Done")
    # In the order of the log: the message, the command, the device's answer.
    expect(log(bob).locator("li.entry").nth(-3)).to_contain_text("I turn it down")
    expect(log(bob).locator("li.entry").nth(-2)).to_contain_text("/set speed 40")
    expect(log(bob).locator("li.entry").last).to_have_class(re.compile(r"answer-line.*joined"))
    expect(log(bob).locator("li.entry").last).to_contain_text("pump-1")
    expect(chart.locator("[data-part=value]")).to_have_text("40")
    expect(chart.locator("canvas")).to_be_visible()
    expect(log(bob)).to_be_in_viewport()


def test_a_viewer_can_post_but_not_command_and_keeps_the_typed_text(sign_in: SignIn) -> None:
    carol = sign_in("carol")
    post(carol, "/set speed 99")
    expect(carol.page.get_by_role("alert").filter(has_text="operator")).to_be_visible()
    expect(box(carol)).to_have_value("/set speed 99")
    post(carol, "then somebody else please")
    expect(message(carol, "then somebody else please")).to_be_visible()
    expect(log(carol)).not_to_contain_text("/set speed 99")


_SCRIPTS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)> <iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "[click](javascript:alert(1)) ![x](javascript:alert(1)) <javascript:alert(1)>",
    '[x](https://example.org/"onmouseover=alert(1)//) ![x](https://example.org/x.png)',
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "<form id=page><input name=content></form><a id=content href=//example.org>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>' style='position:fixed;inset:0'>x</a>",
]


def test_scripts_in_texts_file_names_and_metrics_are_shown_as_text(sign_in: SignIn, hub: RunningHub) -> None:
    metric = "<img src=x onerror=alert(1)>"
    device = hub.create_device("odd-one")
    login = ["-p", str(hub.mqtt_port), "-u", device.uid, "-P", device.secret]
    payload = json.dumps({metric: 1})
    subprocess.run(
        ["mosquitto_pub", *login, "-q", "1", "-t", "devices/odd-one/telemetry", "-m", payload], check=True, timeout=30
    )
    alice = sign_in("alice")
    alice.page.goto("/devices/odd-one/")
    expect(alice.page.locator("[data-values]")).to_contain_text(metric)
    for text in _SCRIPTS:
        post(alice, text)
    alice.page.locator("[data-file]").set_input_files(
        {"name": "<img src=x onerror=alert(1)>.txt", "mimeType": "text/html", "buffer": b"<script>alert(1)</script>"}
    )
    expect(log(alice).locator(".attachment-name")).to_contain_text("<img src=x onerror=alert(1)>.txt")
    expect(log(alice).locator("li.entry[data-state]")).to_have_count(0)
    bob = sign_in("bob", "/devices/odd-one/")
    for person in (alice, bob):
        entries = log(person).locator("[data-entries]")
        expect(entries).to_contain_text("<img src=x onerror=alert(1)>")
        dangerous = "script, iframe, svg[onload], math, form, input, style, [onerror], [onload], [style]"
        assert entries.locator(dangerous).count() == 0
        assert entries.locator("a[href^='javascript' i], a[href^='data:' i], img[src*='example.org']").count() == 0
        for link in entries.locator(".prose a").all():
            assert link.get_attribute("rel") == "noopener noreferrer nofollow"
        entries.locator(".prose a").first.hover()
    assert bob.page.evaluate("document.querySelectorAll('#content').length") == 1


def test_a_draft_survives_a_reload(sign_in: SignIn) -> None:
    alice = sign_in("alice")
    box(alice).fill("half a sentence")
    alice.page.reload()
    expect(box(alice)).to_have_value("half a sentence")
    box(alice).fill("")
    alice.page.reload()
    expect(box(alice)).to_have_value("")


def test_the_next_person_in_the_same_tab_does_not_see_the_draft(sign_in: SignIn) -> None:
    alice = sign_in("alice")
    box(alice).fill("half a secret")
    alice.page.get_by_role("button", name="Sign out").click()
    alice.username = "bob"
    alice.sign_in_by_form()
    expect(alice.page.get_by_role("heading", name="Fleet")).to_be_visible()
    alice.page.goto(PUMP)
    expect(log(alice).locator("li.entry").first).to_be_attached()
    expect(box(alice)).to_have_value("")


def test_a_page_of_another_person_sends_nothing_and_reloads(sign_in: SignIn) -> None:
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


def test_messages_posted_without_the_hub_appear_once_when_it_is_back(sign_in: SignIn, hub: RunningHub) -> None:
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


def test_messages_can_be_edited_and_deleted_and_keep_their_revisions(sign_in: SignIn) -> None:
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


def test_an_edit_restores_the_draft_and_a_refused_edit_is_kept(sign_in: SignIn) -> None:
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


def test_keyboard_focus_stays_on_a_deleted_message(sign_in: SignIn) -> None:
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


def test_a_message_shows_a_referenced_value_then_and_now(sign_in: SignIn) -> None:
    alice = sign_in("alice")
    post(alice, "look: @pump-1.speed, @bob")
    reading = message(alice, "look:").locator(".reading")
    then = reading.locator(".reading-then")
    expect(then).to_have_text(re.compile(r"\d+ %"))
    was = then.inner_text()
    target = "72" if "72" not in was else "61"
    post(alice, f"/set speed {target}")
    expect(reading.locator(".reading-now")).to_have_text(f"now {target} %")
    expect(then).to_have_text(was)
    bob = sign_in("bob")
    expect(message(bob, "look:")).to_have_class(re.compile("mentions-me"))
    expect(message(bob, "look:").locator(".mention-me")).to_have_text("@bob")


def test_a_chart_in_the_room_is_live(sign_in: SignIn) -> None:
    alice = sign_in("alice")
    post(alice, "/chart flow 30m")
    chart = log(alice).locator("li.message[data-kind=chart]").last
    expect(chart.locator("canvas")).to_be_visible()
    value = chart.locator(".value [data-part=value]")
    expect(value).to_have_text(re.compile(r"\d"))
    first = value.inner_text()
    expect(value).not_to_have_text(first)


def test_completion_offers_commands_people_and_metrics(sign_in: SignIn) -> None:
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


def numbered(count: int) -> Iterator[str]:
    return (f"number {number} of many" for number in range(1, count + 1))


def test_scrolling_loads_history_and_a_link_opens_at_its_message(sign_in: SignIn, hub: RunningHub) -> None:
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


def test_scrolling_back_does_not_move_the_messages_on_screen(sign_in: SignIn, hub: RunningHub) -> None:
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


def test_resizing_the_window_does_not_move_the_topmost_message(sign_in: SignIn, hub: RunningHub) -> None:
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


def test_messages_posted_while_a_person_was_away_are_marked_as_new(sign_in: SignIn) -> None:
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


def test_a_room_with_many_new_messages_opens_at_the_first_new_one(sign_in: SignIn, hub: RunningHub) -> None:
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


def test_a_room_outside_the_viewport_is_not_marked_as_read(sign_in: SignIn) -> None:
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


def _png(width: int, height: int) -> bytes:
    rows = b"".join(b"\0" + bytes([200, 90, 60]) * width for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_picture_reserves_its_space_before_it_is_loaded(sign_in: SignIn) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    box(alice).fill("the leak")
    picture = {"name": "leak.png", "mimeType": "image/png", "buffer": _png(720, 260)}
    alice.page.locator("[data-file]").set_input_files(picture)
    shown = message(bob, "the leak").get_by_role("img", name="leak.png")
    expect(shown).to_be_visible()
    expect(shown).to_have_attribute("width", "360")
    expect(shown).to_have_attribute("height", "130")
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 720
    expect(box(alice)).to_have_value("")


def test_a_picture_can_be_pasted(sign_in: SignIn) -> None:
    alice = sign_in("alice")
    script = """async (text) => {
        const canvas = new OffscreenCanvas(40, 30);
        canvas.getContext("2d").fillRect(0, 0, 40, 30);
        const file = new File([await canvas.convertToBlob()], "pasted.png", { type: "image/png" });
        const clipboardData = new DataTransfer();
        clipboardData.items.add(file);
        text.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }"""
    box(alice).evaluate(script)
    expect(log(alice).get_by_role("img", name="pasted.png")).to_be_visible()


def test_people_see_who_is_present_and_who_is_typing(sign_in: SignIn) -> None:
    alice = sign_in("alice")
    bob = sign_in("bob")
    here = alice.page.locator("[data-people] summary")
    expect(here).to_have_attribute("aria-label", re.compile("alice, bob"))
    box(bob).press_sequentially("hm")
    expect(alice.page.locator("[data-typing]")).to_have_text("bob is typing…")
    box(bob).fill("")
    bob.page.goto("/")
    expect(here).to_have_attribute("aria-label", re.compile("alice$"))


def test_messages_of_others_are_announced_to_screen_readers(sign_in: SignIn) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    post(bob, "hear me")
    announced = alice.page.locator("[data-announcer]")
    expect(announced).to_have_text("bob: hear me")
    expect(announced).to_have_attribute("aria-live", "polite")
    log(alice).focus()
    alice.page.keyboard.press("ArrowUp")
    expect(alice.page.locator("li.entry:focus")).to_contain_text("hear me")


BLOCKED_WEBSOCKET = """
    window.WebSocket = class {
        constructor() { setTimeout(() => this.onclose({ code: 1006 }), 50); }
        close() {}
    };
"""


def test_people_can_chat_without_websockets(sign_in: SignIn) -> None:
    alice, bob = sign_in("alice", script=BLOCKED_WEBSOCKET), sign_in("bob")
    post(bob, "can you hear me?")
    expect(message(alice, "can you hear me?")).to_be_visible()
    post(alice, "over events, yes")
    expect(message(bob, "over events, yes")).to_be_visible()
    expect(message(alice, "over events, yes")).to_be_visible()
    box(alice).press("ArrowUp")
    post(alice, "over events, indeed")
    expect(message(bob, "over events, indeed")).to_be_visible()
    expect(message(alice, "over events, indeed")).to_be_visible()


def test_on_a_phone_the_room_is_below_the_charts_instead_of_beside_them(sign_in: SignIn) -> None:
    alice = sign_in("alice")
    charts = alice.page.locator(".device-charts")
    room = alice.page.get_by_role("region", name="Room")
    beside, panel = charts.bounding_box(), room.bounding_box()
    assert beside is not None
    assert panel is not None
    assert beside["x"] + beside["width"] <= panel["x"]
    alice.page.set_viewport_size(PHONE)
    alice.page.get_by_role("link", name="Room", exact=True).click()
    expect(box(alice)).to_be_in_viewport()
    # Both are measured at one moment, since the page may still be scrolling.
    ends, begins = alice.page.evaluate(
        """() => [document.querySelector(".device-charts").getBoundingClientRect().bottom,
                  document.querySelector("[data-room]").getBoundingClientRect().top]"""
    )
    assert ends <= begins
    assert alice.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


HARD = (">", "[", "*a ", "`", "- ", "> ", "1. ", "**a _", "[a](", "_a*")
"""Repeated, they make parser or browser slow."""
NEARLY = ("> " * 12 + "a", "_a*" * 199, "[a](" * 130, "**a _" * 130, "".join("  " * n + "- a\n" for n in range(40)))
"""Still rendered as Markdown."""


def test_a_room_survives_messages_of_pathological_markdown(hub: RunningHub, sign_in: SignIn) -> None:
    headers = {"Authorization": f"Bearer {hub.create_token('bob')}"}
    with httpx.Client(base_url=f"{hub.url}/api/v1/", headers=headers) as bob:
        made = next(room for room in bob.get("rooms").json()["items"] if room["name"] == "General")
        for number in range(50):
            sign = HARD[number % len(HARD)]
            text = sign * (1_990 // len(sign)) if number % 3 else NEARLY[number % len(NEARLY)]
            sent = bob.post(f"rooms/{made['id']}/messages", json={"text": text})
            assert sent.status_code == 201, sent.text
    began = time.monotonic()
    alice = sign_in("alice", f"/rooms/{made['id']}/")
    post(alice, "still here")
    expect(message(alice, "still here")).to_be_visible()
    alice.page.evaluate(FRAME)
    print(f"signed in, opened and used after {time.monotonic() - began:.1f} s")
    assert time.monotonic() - began < 20


def test_a_picture_is_loaded_near_the_screen_and_a_huge_one_is_a_link(hub: RunningHub, sign_in: SignIn) -> None:
    headers = {"Authorization": f"Bearer {hub.create_token('bob')}"}
    with httpx.Client(base_url=f"{hub.url}/api/v1/", headers=headers) as bob:
        room = next(room for room in bob.get("rooms").json()["items"] if room["name"] == "General")
        for name, width, height in (("small.png", 120, 60), ("huge.png", 6_000, 5_000)):
            content = io.BytesIO()
            Image.new("1", (width, height)).save(content, "PNG")
            sent = bob.post(f"rooms/{room['id']}/files", files={"file": (name, content.getvalue())})
            assert sent.status_code == 201, sent.text
    alice = sign_in("alice", f"/rooms/{room['id']}/")
    small = alice.page.get_by_role("img", name="small.png")
    expect(small).to_have_js_property("naturalWidth", 120)
    box = small.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (120, 60)
    expect(alice.page.get_by_role("link", name="huge.png")).to_contain_text("6000 × 5000")
    expect(alice.page.get_by_role("img", name="huge.png")).to_have_count(0)


def test_a_too_long_message_is_counted_and_not_sent(sign_in: SignIn) -> None:
    alice = sign_in("alice")
    box(alice).fill("x" * 1_990)
    expect(alice.page.locator("[data-count]")).to_have_text("10")
    box(alice).fill("🌱" * 2_001)
    expect(alice.page.locator("[data-count]")).to_have_text("1 too many")
    expect(alice.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    box(alice).press("Enter")
    expect(log(alice).locator("li[data-state]")).to_have_count(0)
    box(alice).fill("")
