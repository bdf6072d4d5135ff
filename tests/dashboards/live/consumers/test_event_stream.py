"""Frames as Server-Sent Events: permissions, and no gap between snapshot and changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from dashboards.live.consumers import event_stream
from dashboards.live.relay import Relay
from dashboards.models import Dashboard
from devices.channel import fanout, groups
from devices.channel.events import AvailabilityChanged, EncodedReadings, TelemetryStored
from devices.models import Device, Member
from hub.asgi import application
from tests.dashboards.live.conftest import WAIT_S, HandClock, Headers, cookie, sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]


class Reading:
    """An open event stream."""

    def __init__(self, query: str, headers: Headers) -> None:
        self._http = ApplicationCommunicator(
            application,
            {
                "type": "http",
                "method": "GET",
                "path": "/api/v1/stream",
                "query_string": query.encode(),
                "headers": headers,
            },
        )
        self._text = ""

    async def open(self) -> int:
        """Returns the status."""
        await self._http.send_input({"type": "http.request", "body": b"", "more_body": False})
        start = await self._http.receive_output(WAIT_S)
        self.headers = dict(start["headers"])
        return int(start["status"])

    async def body(self) -> dict[str, Any]:
        """Returns the whole body of a refused request."""
        found: dict[str, Any] = json.loads((await self._http.receive_output(WAIT_S))["body"])
        return found

    async def block(self) -> dict[str, str] | None:
        """Returns the fields of the next block; `None` once the stream has ended."""
        while "\n\n" not in self._text:
            message = await self._http.receive_output(WAIT_S)
            self._text += message["body"].decode()
            if not message.get("more_body", False):
                return None
        text, self._text = self._text.split("\n\n", 1)
        return dict(line.split(": ", 1) for line in text.split("\n"))

    async def frame(self) -> dict[str, Any]:
        """Returns the next frame; its event id, if any, under `event`."""
        block = await self.block()
        while block is not None and "data" not in block:
            block = await self.block()
        assert block is not None
        return {**json.loads(block["data"]), **({"event": block["id"]} if "id" in block else {})}

    async def leave(self) -> None:
        await self._http.send_input({"type": "http.disconnect"})
        await self._http.wait(WAIT_S)


@asynccontextmanager
async def reading(query: str, headers: Headers) -> AsyncIterator[Reading]:
    """A stream that has welcomed its reader."""
    stream = Reading(query, headers)
    assert await stream.open() == 200
    assert (await stream.frame())["type"] == "welcome"
    yield stream
    await stream.leave()


async def refused(query: str, headers: Headers) -> tuple[int, str]:
    stream = Reading(query, headers)
    status = await stream.open()
    return status, (await stream.body())["error"]["code"]


def stored(device: Device, number: int) -> TelemetryStored:
    part = EncodedReadings(device.pk, device.uid, f'{{"count":[[{number},{number}]]}}')
    return TelemetryStored(shard=groups.shard_of(device.pk), parts=(part,))


async def test_the_welcome_holds_the_time_at_which_it_is_sent(
    pump: Device, headers: dict[str, Headers], relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages set their clocks by it, however long the layer has delayed the subscription."""
    now_us = 1_000_000_000
    watch = relay.watch

    async def slowly(*what: Any) -> None:
        nonlocal now_us
        now_us += 5_000_000
        await watch(*what)

    monkeypatch.setattr(event_stream, "now_us", lambda: now_us)
    monkeypatch.setattr(relay, "watch", slowly)
    stream = Reading("device=pump-1", headers["carol"])
    assert await stream.open() == 200
    assert (await stream.frame())["time"] == 1_005_000
    await stream.leave()


async def test_snapshot_first_then_every_change_in_order(pump: Device, headers: dict[str, Headers]) -> None:
    async with reading("device=pump-1", headers["carol"]) as stream:
        assert stream.headers[b"content-type"].startswith(b"text/event-stream")
        assert stream.headers[b"x-content-type-options"] == b"nosniff"
        snapshot = await stream.frame()
        assert (snapshot["type"], snapshot["stream"]) == ("snapshot", "device:pump-1")
        assert snapshot["snapshot"]["device"]["uid"] == "pump-1"
        for number in range(100):
            await fanout.publish([stored(pump, number)])
            frame = await stream.frame()
            assert frame["devices"] == {"pump-1": {"count": [[number, number]]}}
            assert frame["event"] == str(frame["n"])
        await fanout.publish([AvailabilityChanged(pump.pk, "pump-1", "offline", 1_000_000)])
        change = await stream.frame()
        assert (change["type"], change["status"], "event" in change) == ("availability", "offline", False)


async def test_several_streams_of_several_kinds(
    pump: Device, dashboard: Dashboard, headers: dict[str, Headers]
) -> None:
    query = f"device=pump-1&device=fan-1&dashboard={dashboard.pk}"
    async with reading(query, headers["carol"]) as stream:
        found = [(await stream.frame())["stream"] for _ in range(3)]
        assert found == ["device:pump-1", "device:fan-1", f"dashboard:{dashboard.pk}"]


async def test_a_client_that_reconnects_is_told_to_reload_its_history(
    pump: Device, headers: dict[str, Headers]
) -> None:
    async with reading("device=pump-1", [*headers["carol"], (b"last-event-id", b"7")]) as stream:
        await stream.frame()
        assert await stream.frame() == {"type": "resync", "streams": ["device:pump-1"], "reason": "reconnect"}


@pytest.mark.parametrize(
    ("query", "person", "answer"),
    [
        ("device=pump-2", "alice", (404, "not_found")),  # of another space
        ("device=missing", "alice", (404, "not_found")),
        ("device=%0a", "alice", (404, "not_found")),
        ("device=pump-1", "mallory", (404, "not_found")),
        ("dashboard=1", "mallory", (404, "not_found")),
        ("devices=pump-1", "alice", (422, "invalid")),
        ("&".join(f"device=pump-{i}" for i in range(201)), "alice", (429, "too_many")),
    ],
)
async def test_a_stream_that_may_not_be_watched_is_refused(
    query: str,
    person: str,
    answer: tuple[int, str],
    pump: Device,
    foreign_pump: Device,
    headers: dict[str, Headers],
) -> None:
    assert await refused(query, headers[person]) == answer


async def test_of_several_streams_those_that_may_not_be_watched_are_named(
    pump: Device, foreign_pump: Device, headers: dict[str, Headers]
) -> None:
    async with reading("device=pump-2&device=pump-1&device=missing", headers["alice"]) as stream:
        first = [await stream.frame() for _ in range(3)]
        assert [(frame["type"], frame["stream"], frame.get("reason")) for frame in first] == [
            ("unsubscribed", "device:pump-2", "not_found"),
            ("snapshot", "device:pump-1", None),
            ("unsubscribed", "device:missing", "not_found"),
        ]


async def test_without_a_login_it_is_401(pump: Device) -> None:
    assert await refused("device=pump-1", []) == (401, "unauthenticated")
    assert await refused("device=pump-1", [(b"authorization", b"Bearer no")]) == (401, "unauthenticated")


async def test_a_cookie_counts_only_on_pages_of_the_hub(alice: User, pump: Device) -> None:
    key = await sync_to_async(sign_in)(alice)
    own = cookie(key)
    async with reading("device=pump-1", own[:1]) as stream:  # a browser sends no origin from the hub's own pages
        assert (await stream.frame())["type"] == "snapshot"
    async with reading("device=pump-1", own) as stream:
        assert (await stream.frame())["type"] == "snapshot"
    foreign = [own[0], (b"origin", b"https://evil.example")]
    assert await refused("device=pump-1", foreign) == (403, "forbidden")


async def test_a_login_that_ends_ends_the_stream(alice: User, pump: Device, relay: Relay) -> None:
    key = await sync_to_async(sign_in)(alice)
    async with reading("device=pump-1", cookie(key)) as stream:
        await stream.frame()
        await Session.objects.all().adelete()
        await relay.monitor.check(relay.connections)
        assert (await stream.frame())["error"]["code"] == "unauthenticated"
        assert await stream.block() is None
    assert not relay.connections


async def test_a_member_who_is_removed_sees_nothing_more(
    carol: User, pump: Device, relay: Relay, headers: dict[str, Headers]
) -> None:
    async with reading("device=pump-1", headers["carol"]) as stream:
        await stream.frame()
        await Member.objects.filter(user=carol).adelete()
        await relay.monitor.check(relay.connections)
        assert await stream.frame() == {"type": "unsubscribed", "stream": "device:pump-1", "reason": "forbidden"}


async def test_more_connections_than_a_person_may_have_are_refused(
    pump: Device, headers: dict[str, Headers], settings: Any
) -> None:
    settings.CONNECTION_LIMIT = 1
    async with reading("device=pump-1", headers["carol"]):
        assert await refused("device=pump-1", headers["carol"]) == (429, "too_many")


async def test_a_quiet_stream_stays_open(
    pump: Device, relay: Relay, clock: HandClock, headers: dict[str, Headers]
) -> None:
    """A reader cannot answer a ping; it counts as answered once it is written."""
    async with reading("device=pump-1", headers["carol"]) as stream:
        await stream.frame()
        for _ in range(5):
            clock.forward(11)
            relay.monitor.sweep()
            assert await stream.frame() == {"type": "ping"}
        [connection] = relay.connections
        assert connection.closed is None


async def test_the_stream_ends_with_the_hub_and_nothing_is_left_of_it(
    pump: Device, relay: Relay, headers: dict[str, Headers]
) -> None:
    async with reading("device=pump-1", headers["carol"]) as first:
        assert len(relay.connections) == 1
        await first.frame()
        closing = asyncio.create_task(relay.close_all())
        assert await first.block() is None
        await closing
    assert not relay.connections
    assert await refused("device=pump-1", headers["carol"]) == (503, "unavailable")
