"""How commands end, on the page of their device and in its room: late, unconfirmed, confirmed by what is reported."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import paho.mqtt.client as mqtt
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.paths.conftest import Visit
from tests.support.browser import WAIT_MS
from tests.support.eventually import eventually
from tests.support.hub import Credentials, RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)


class Plug:
    """A device that publishes what the test tells it to. `commands` are the ids of those that have reached it."""

    def __init__(self, hub: RunningHub, credentials: Credentials) -> None:
        self.uid = credentials.uid
        self.commands: list[str] = []
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=self.uid)
        self._client.username_pw_set(self.uid, credentials.secret)
        self._client.on_connect = lambda client, *_: client.subscribe(f"devices/{self.uid}/commands/+", qos=1)
        self._client.on_message = lambda _, __, message: self.commands.append(message.topic.rsplit("/", 1)[1])
        self._client.connect("127.0.0.1", hub.mqtt_port)
        self._client.loop_start()

    def publish(self, rest: str, payload: str) -> None:
        self._client.publish(f"devices/{self.uid}/{rest}", payload, qos=1).wait_for_publish(30)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def plug(hub: RunningHub, request: pytest.FixtureRequest) -> Iterator[Plug]:
    found = Plug(hub, hub.create_device(f"plug-{request.node.name[7:40]}"))
    found.publish("telemetry", '{"on": false}')
    yield found
    found.stop()


@pytest.fixture
def api(hub: RunningHub, plug: Plug) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {hub.create_token('alice')}"}
    with httpx.Client(base_url=f"{hub.url}/api/v1/devices/{plug.uid}", headers=headers, timeout=30) as client:
        yield client


def command(api: httpx.Client, timeout_s: float) -> str:
    body = {"name": "set", "args": {"on": True}, "timeout_s": timeout_s}
    return str(api.post("/commands", json=body).raise_for_status().json()["command"])


def newest_status(page: Page) -> Locator:
    return page.locator("[data-commands] > li").first.locator("[data-part=status]")


def test_a_late_answer_is_shown_with_its_command_and_in_the_room(
    visit: Visit, hub: RunningHub, plug: Plug, api: httpx.Client
) -> None:
    page = visit(hub, "alice", f"/devices/{plug.uid}/").page
    id = command(api, 1)
    status = newest_status(page)
    expect(status).to_have_text("No answer")
    plug.publish(f"answers/{id}", '{"ok": true}')
    expect(status).to_have_text("Done, but late")
    expect(page.locator(".answer-line").last).to_contain_text("answered late: done")
    page.reload()
    expect(status).to_have_text("Done, but late")
    expect(page.locator(".command-line").last).to_contain_text("Done, but late")


def test_a_manager_marks_a_device_that_never_answers_and_its_reports_count(
    visit: Visit, hub: RunningHub, plug: Plug, api: httpx.Client
) -> None:
    page = visit(hub, "alice", f"/devices/{plug.uid}/").page
    page.get_by_text("Confirmation: the device’s answers").click()
    page.get_by_text("The device never answers.").click()
    page.locator("[data-answers-form]").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Confirmation: reported values")).to_be_visible()
    status = newest_status(page)
    command(api, 1)
    expect(status).to_have_text("Sent, not confirmed")
    expect(page.locator(".answer-line").last).to_contain_text("sent, but the device has not reported the change")
    command(api, 60)
    eventually(lambda: len(plug.commands) == 2)
    plug.publish("telemetry", '{"on": "ON"}')
    expect(status).to_have_text("Done")


def test_a_command_that_may_wait_for_long_shows_the_time_left(
    visit: Visit, hub: RunningHub, plug: Plug, api: httpx.Client
) -> None:
    page = visit(hub, "alice", f"/devices/{plug.uid}/").page
    page.get_by_text("Send a command").click()
    page.get_by_label("Name", exact=True).fill("set")
    page.get_by_label("Give up after").select_option("7 days")
    page.get_by_role("button", name="Send", exact=True).last.click()
    expect(newest_status(page)).to_have_text("Sent, 7 days left")
    command(api, 2 * 3600 + 30)
    expect(newest_status(page)).to_have_text("Sent, 2 hours left")
    expect(page.locator(".command-line").last).to_contain_text("Waiting")
