"""A page whose live connection opens long after its history was loaded."""

from __future__ import annotations

import time

import httpx
import pytest
from playwright.sync_api import Page

from tests.paths.conftest import Visit
from tests.support.deployment import line, make_dashboard, watch_lines
from tests.support.eventually import eventually
from tests.support.hub import Credentials, RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

DELAYED_WEBSOCKET = """
    const { WebSocket } = window;
    window.WebSocket = class {
        constructor(url) {
            window.letIn = () => {
                this.socket = new WebSocket(url);
                for (const name of ["onmessage", "onclose"]) this.socket[name] = (event) => this[name](event);
            };
        }
        get readyState() { return this.socket?.readyState ?? 0; }
        send(text) { this.socket.send(text); }
        close() { this.socket?.close(); }
    };
"""
"""A network that lets no WebSocket through before `letIn()` is called."""


@pytest.fixture
def page(visit: Visit, hub: RunningHub) -> Page:
    return visit(hub, "alice", "/login/", script=DELAYED_WEBSOCKET).page


def send(hub: RunningHub, device: Credentials, *counts: int) -> None:
    start = time.time_ns() // 1_000_000 - 1_000
    body = [{"ts": start + count, "values": {"count": count}} for count in counts]
    url = f"{hub.url}/api/v1/devices/{device.uid}/telemetry"
    httpx.post(url, json=body, auth=(device.uid, device.secret)).raise_for_status()


def open_dashboard(page: Page, hub: RunningHub, uid: str) -> None:
    page.goto(f"/dashboards/{hub.records.run(make_dashboard, uid)}/")


def open_device(page: Page, hub: RunningHub, uid: str) -> None:
    page.goto(f"/devices/{uid}/")


@pytest.mark.parametrize("open_page", [open_dashboard, open_device])
def test_a_chart_shows_what_was_stored_before_the_connection_opened(
    page: Page, hub: RunningHub, open_page: object
) -> None:
    assert callable(open_page)
    device = hub.create_device(open_page.__name__)
    send(hub, device, 0, 1, 2)
    open_page(page, hub, device.uid)
    watch_lines(page)
    eventually(lambda: line(page) == [0, 1, 2])
    send(hub, device, 3, 4)
    page.evaluate("letIn()")
    eventually(lambda: line(page) == [0, 1, 2, 3, 4])
