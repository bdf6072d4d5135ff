"""People and a device in one room, each person with their own browser."""

from __future__ import annotations

import json
import re
import subprocess
import time

import httpx
import pytest
from playwright.sync_api import expect

from tests.paths.conftest import Visit
from tests.paths.rooms.conftest import FRAME, box, log, message, post, row
from tests.support.browser import PHONE, WAIT_MS
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

expect.set_options(timeout=WAIT_MS)


def test_a_chat_command_its_answer_and_its_effect_form_one_timeline(sign_in: Visit) -> None:
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


def test_a_viewer_can_post_but_not_command_and_keeps_the_typed_text(sign_in: Visit) -> None:
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


def test_scripts_in_texts_file_names_and_metrics_are_shown_as_text(sign_in: Visit, hub: RunningHub) -> None:
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


def test_a_message_shows_a_referenced_value_then_and_now(sign_in: Visit) -> None:
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


def test_a_chart_in_the_room_is_live(sign_in: Visit) -> None:
    alice = sign_in("alice")
    post(alice, "/chart flow 30m")
    chart = log(alice).locator("li.message[data-kind=chart]").last
    expect(chart.locator("canvas")).to_be_visible()
    value = chart.locator(".value [data-part=value]")
    expect(value).to_have_text(re.compile(r"\d"))
    first = value.inner_text()
    expect(value).not_to_have_text(first)


def test_people_see_who_is_present_and_who_is_typing(sign_in: Visit) -> None:
    alice = sign_in("alice")
    bob = sign_in("bob")
    here = alice.page.locator("[data-people] summary")
    expect(here).to_have_attribute("aria-label", re.compile("alice, bob"))
    box(bob).press_sequentially("hm")
    expect(alice.page.locator("[data-typing]")).to_have_text("bob is typing…")
    box(bob).fill("")
    bob.page.goto("/")
    expect(here).to_have_attribute("aria-label", re.compile("alice$"))


def test_messages_of_others_are_announced_to_screen_readers(sign_in: Visit) -> None:
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


def test_people_can_chat_without_websockets(sign_in: Visit) -> None:
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


def test_on_a_phone_the_room_is_below_the_charts_instead_of_beside_them(sign_in: Visit) -> None:
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


def test_a_room_survives_messages_of_pathological_markdown(hub: RunningHub, sign_in: Visit) -> None:
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
