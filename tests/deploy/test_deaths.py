"""Parts that are killed, and parts that are asked to stop."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.deploy.client import Browser, Device, secret_in
from tests.deploy.containers import Container, Stack
from tests.support.eventually import eventually
from tests.support.viewer import Viewer

pytestmark = pytest.mark.timeout(300)

STOP_S = 10
"""How long a part may take to stop."""


def stored(manager: Browser, metric: str) -> list[float]:
    """The stored values of the pump's metric, each value once: messages that a bridge had stored but not acknowledged
    when it was killed come again, and without times of their own they may be stored again."""
    answer = manager.http.get("/api/v1/devices/pump/readings", params={"metric": metric, "points": 2000})
    return sorted(set(answer.json()["v"])) if answer.status_code == 200 else []


def watch(manager: Browser, live: Viewer) -> None:
    assert live.request("subscribe", stream="device:pump")["ok"]


def test_viewers_of_a_killed_web_process_reconnect_to_the_other(stack: Stack, manager: Browser, pump: Device) -> None:
    dead, alive = stack.containers["web"]
    with ExitStack() as open_ones:
        lives = [open_ones.enter_context(manager.live()) for _ in range(8)]
        for live in lives:
            watch(manager, live)
        dead.kill()
        try:
            pump.publish(before=1)
            lost = [live for live in lives if _is_cut(live)]
            assert 0 < len(lost) < len(lives)
            for _ in lost:  # each reconnects at once through the same proxy, and gets what was stored meanwhile
                again = open_ones.enter_context(manager.live())
                snapshot = again.request("subscribe", stream="device:pump")["result"]
                assert snapshot["latest"]["before"][1] == 1
            assert all(manager.http.get("/healthz").status_code == 200 for _ in range(10))
        finally:
            dead.start()
    assert alive.is_healthy()


def _is_cut(live: Viewer) -> bool:
    try:
        return live.values("pump", "before") != [1]
    except ConnectionClosed:
        return True


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_killed_or_stopped_bridge_loses_nothing(stack: Stack, manager: Browser, pump: Device, how: str) -> None:
    dying, _ = stack.containers["bridge"]
    metric = f"while_{how}"
    for number in range(100):
        pump.publish(**{metric: number})
        if number == 30:
            getattr(dying, how)()
    dying.start()
    try:
        eventually(lambda: stored(manager, metric) == list(range(100)))
    finally:  # it has failed once, without a trace of why
        print("missing:", sorted(set(range(100)) - set(stored(manager, metric))))
        print(manager.http.get("/api/v1/devices/pump/refusals").text)
        print(*[bridge.output[-5_000:] for bridge in stack.containers["bridge"]], sep="\n--- bridge\n")


def wait_until_viewers_see_news(stack: Stack, manager: Browser, pump: Device) -> None:
    """A viewer sees what is published from now on, if necessary after a reconnect."""
    count = 0

    def seen() -> bool:
        nonlocal count
        count += 1
        try:
            with manager.live() as live:
                if not live.request("subscribe", stream="device:pump")["ok"]:
                    return False
                pump.publish(later=count)
                return count in live.values("pump", "later", within_s=2)
        except (OSError, WebSocketException):
            return False

    eventually(seen)


@pytest.mark.parametrize("service", ["redis", "mosquitto", "accounts", "worker", "proxy", "postgres"])
def test_the_hub_recovers_when_a_part_was_killed_and_restarted(
    stack: Stack, manager: Browser, pump: Device, service: str
) -> None:
    stack[service].kill()
    stack[service].start()
    if service == "mosquitto":
        pump.await_connection()
    wait_until_viewers_see_news(stack, manager, pump)


def test_a_device_added_without_mosquitto_can_connect_once_it_is_back(stack: Stack, manager: Browser) -> None:
    stack["mosquitto"].kill()
    secret = secret_in(manager.add_device("late"))
    stack["mosquitto"].start()
    late = Device(stack["mosquitto"].address, "late", secret)
    late.await_connection()
    late.stop()


def test_a_device_added_without_accounts_can_connect_once_it_is_back(stack: Stack, manager: Browser) -> None:
    stack["accounts"].kill()
    late = Device(stack["mosquitto"].address, "later", secret_in(manager.add_device("later")))
    assert not late.is_accepted()
    stack["accounts"].start()
    late.await_connection()
    late.stop()


def test_every_part_stops_in_time_with_exit_code_0(stack: Stack, manager: Browser, pump: Device) -> None:
    """There are viewers over WebSocket and events, and the parts stop in the order in which Compose stops them."""
    order = [each for each in reversed(stack.all) if each.service != "migrate"]
    with manager.live() as live, manager.http.stream("GET", "/api/v1/stream?device=pump") as events:
        watch(manager, live)
        assert events.status_code == 200
        ends = [(each.service, *_timed_stop(each)) for each in order]
    assert [(name, code) for name, code, _ in ends if code] == []
    assert [(name, took) for name, _, took in ends if took > STOP_S] == []
    for each in reversed(order):
        each.begin()
    for each in order:
        each.await_health()
    pump.await_connection()


def _timed_stop(container: Container) -> tuple[int, float]:
    began = time.monotonic()
    return container.stop(), time.monotonic() - began
