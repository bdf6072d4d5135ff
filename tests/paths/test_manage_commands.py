"""Another process beside a running hub whose channel layer is in memory: what it changes takes effect there at once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from websockets.exceptions import ConnectionClosed

from tests.bridges.mosquitto.exported import Client
from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.viewer import Viewer, Watcher

AT_ONCE_S = 1.0


def deactivate_bob() -> None:
    """By a statement, which sends no signal."""
    User.objects.filter(username="bob").update(is_active=False)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    server = RunningHub(tmp_path_factory.mktemp("hub"))
    server.start()
    yield server
    server.stop()


def test_a_removed_member_watches_no_more(hub: RunningHub) -> None:
    with Watcher(hub.url, hub.create_token("carol"), "device:my-device") as watcher:
        began = time.monotonic()
        hub.manage("removemember", "carol", "--space", "demo")
        ended = time.monotonic()
        took_s = watcher.first("unsubscribed", began) - ended
    print(f"removemember ended the stream {took_s:+.2f} s after its own end")
    assert took_s < AT_ONCE_S


def test_a_removed_bot_receives_no_more_over_mqtt(hub: RunningHub) -> None:
    token = hub.manage("createbot", "reader", "--space", "demo").strip()
    made = hub.create_device("reporting")
    program, device = Client(hub.mqtt_port, "reader", token), Client(hub.mqtt_port, made.uid, made.secret)
    for client in (program, device):
        assert client.connect()
    program.subscribe("devices/#")
    device.publish("devices/reporting/attributes")
    eventually(lambda: program.topics)
    hub.manage("removemember", "reader", "--space", "demo")
    ended = time.monotonic()
    received = -1
    while len(program.topics) != received:
        received = len(program.topics)
        device.publish("devices/reporting/attributes")
        time.sleep(0.05)  # a message that is delivered arrives in less
    took_s = time.monotonic() - ended
    print(f"the last of {received} messages was delivered within {took_s:.2f} s")
    assert took_s < AT_ONCE_S
    program.close()
    device.close()


def test_a_deactivated_operator_is_disconnected_and_can_command_no_more(hub: RunningHub) -> None:
    with Viewer(hub.url, hub.create_token("bob")) as viewer:
        assert viewer.request("command", device="my-device", name="stop")["ok"]
        hub.records.run(deactivate_bob)
        ended = time.monotonic()
        commanded, code = command_until_closed(viewer)
        took_s = time.monotonic() - ended
    print(f"closed {took_s:.2f} s after the deactivation, with {commanded} commands accepted until then")
    assert (commanded, code) == (0, 4401)
    assert took_s < AT_ONCE_S + 1  # the pause between two rounds, and a crowded machine


def command_until_closed(viewer: Viewer) -> tuple[int, int | None]:
    """How many commands are accepted until the hub closes the connection, and the code with which it does."""
    accepted = 0
    try:
        while True:
            accepted += viewer.request("command", device="my-device", name="stop")["ok"]
            time.sleep(0.05)
    except ConnectionClosed as closed:
        return accepted, closed.rcvd.code if closed.rcvd else None
