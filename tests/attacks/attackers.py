"""Clients that misbehave, all at once: `python -m tests.attacks.attackers`, with a `Target` as JSON on standard input.
Arguments are names of attacks, without the others.

They go on until standard input is closed, and then print how often each of them tried. They come from one address, as
those of one bad client do. Each tries as often as the hub lets it, up to a bound: the machine is shared with the hub.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

import aiomqtt
import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from benchmarks.load import mqtt

NICE = 10
"""Attackers have machines of their own; here theirs is the hub's."""
GONE = (OSError, TimeoutError, WebSocketException, httpx.HTTPError, aiomqtt.MqttError)

tried: Counter[str] = Counter()


@dataclass(frozen=True)
class Target:
    """The hub, and the accounts of the attackers: a viewer's token, and a device."""

    port: int
    mqtt_port: int
    token: str
    uid: str
    secret: str

    def json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def login(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def send_pings(target: Target) -> None:
    """WebSocket pings and pongs without a pause, and nothing is read."""
    _, writer = await _websocket(target)
    ping = b"\x89\x84\0\0\0\0ping" * 500
    while True:
        writer.write(ping)
        await writer.drain()
        tried["pings"] += 500
        await asyncio.sleep(0.02)


async def acknowledge_unread(target: Target) -> None:
    """Subscribes to a device, acknowledges what was never read."""
    _, writer = await _websocket(target)
    writer.write(_masked(json.dumps({"id": 1, "type": "subscribe", "stream": f"device:{target.uid}"})))
    for number in range(10_000_000):
        writer.write(_masked(json.dumps({"type": "ack", "n": number * 1_000})))
        await writer.drain()
        tried["acks"] += 1
        await asyncio.sleep(0.01)


async def flood_subscriptions(target: Target) -> None:
    async with connect(f"ws://127.0.0.1:{target.port}/ws/", additional_headers=target.login) as socket:
        for number in range(10_000_000):
            await socket.send(json.dumps({"id": number, "type": "subscribe", "stream": f"device:{target.uid}"}))
            tried["subscriptions"] += 1
            await asyncio.sleep(0.002)


async def flood_values(target: Target) -> None:
    """A device at a small part of its limit of messages, each with as many values as are allowed."""
    payload = json.dumps({f"m{n}": n for n in range(500)}).encode()
    async with aiomqtt.Client(
        "127.0.0.1", target.mqtt_port, username=target.uid, password=target.secret, identifier=target.uid
    ) as client:
        while True:
            await client.publish(f"devices/{target.uid}/telemetry", payload, qos=0)
            tried["values"] += 500
            await asyncio.sleep(0.02)


async def hold_silent_mqtt(target: Target) -> None:
    """Connections to the broker that never sign in."""
    held: list[asyncio.StreamWriter] = []
    while True:
        with suppress(OSError):
            held.append((await asyncio.open_connection("127.0.0.1", target.mqtt_port))[1])
        tried["silent MQTT connections"] += 1
        while len(held) > 500:
            held.pop(0).close()
        await asyncio.sleep(0.005)


async def guess_secrets(target: Target) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.mqtt_port)
    writer.write(mqtt.connect("guess", target.uid, "wrong"))
    tried["wrong secrets"] += 1
    async with asyncio.timeout(10):
        await reader.read(16)
    writer.close()


async def guess_passwords(target: Target) -> None:
    async with httpx.AsyncClient(base_url=target.url, timeout=20) as browser:
        await browser.get("/login/")
        form = {"username": "alice", "password": "wrong", "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        await browser.post("/login/", data=form)
        tried["wrong passwords"] += 1


async def send_headers_slowly(target: Target) -> None:
    """Requests whose headers never end."""
    _, writer = await asyncio.open_connection("127.0.0.1", target.port)
    tried["slow headers"] += 1
    writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    while True:
        writer.write(b"X-Slow: 1\r\n")
        await writer.drain()
        await asyncio.sleep(1)


async def send_body_slowly(target: Target) -> None:
    """A body of which a byte comes now and then."""
    _, writer = await asyncio.open_connection("127.0.0.1", target.port)
    tried["slow bodies"] += 1
    head = f"POST /api/v1/devices/{target.uid}/telemetry HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    writer.write(head.encode())
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(1)


async def read_the_openapi_document(target: Target) -> None:
    async with httpx.AsyncClient(base_url=target.url, timeout=20) as program:
        while True:
            await program.get("/api/v1/openapi.json")
            tried["OpenAPI documents"] += 1
            await asyncio.sleep(0.02)


async def send_large_invalid_bodies(target: Target) -> None:
    body = json.dumps({f"unknown{n}": n for n in range(20_000)}).encode()
    async with httpx.AsyncClient(base_url=target.url, timeout=20, headers=target.login) as program:
        while True:
            await program.post(f"/api/v1/devices/{target.uid}/commands", content=body)
            tried["large invalid bodies"] += 1
            await asyncio.sleep(0.1)


async def request_without_pause(target: Target) -> None:
    async with httpx.AsyncClient(base_url=target.url, timeout=20, headers=target.login) as program:
        while True:
            await program.get("/api/v1/devices")
            tried["requests"] += 1
            await asyncio.sleep(0.005)


async def come_from_elsewhere(target: Target) -> None:
    """Foreign Hosts and Origins, each of which was a line in the log."""
    async with httpx.AsyncClient(base_url=target.url, timeout=20) as program:
        while True:
            await program.get("/", headers={"Host": f"evil-{tried['foreign hosts']}.test"})
            with suppress(WebSocketException):
                async with connect(f"ws://127.0.0.1:{target.port}/ws/", origin="http://evil.test"):  # type: ignore[arg-type]
                    pass
            tried["foreign hosts"] += 1
            await asyncio.sleep(0.02)


ATTACKS: list[tuple[Callable[[Target], Awaitable[None]], int]] = [
    (send_pings, 2),
    (acknowledge_unread, 2),
    (flood_subscriptions, 1),
    (flood_values, 1),
    (hold_silent_mqtt, 1),
    (guess_secrets, 20),
    (guess_passwords, 10),
    (send_headers_slowly, 100),
    (send_body_slowly, 50),
    (read_the_openapi_document, 1),
    (send_large_invalid_bodies, 2),
    (request_without_pause, 2),
    (come_from_elsewhere, 1),
]
"""The attacks, and how many of each at once."""


async def _websocket(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    lines = [
        "GET /ws/ HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Authorization: Bearer {target.token}",
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    async with asyncio.timeout(10):
        await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def _masked(text: str) -> bytes:
    """A text frame of a client, of 125 bytes at most, with a mask of zeros."""
    payload = text.encode()
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


async def _again_and_again(attack: Callable[[Target], Awaitable[None]], target: Target) -> None:
    """Begins anew whenever the hub has ended it."""
    while True:
        with suppress(*GONE):
            await attack(target)
        await asyncio.sleep(0.2)


async def main() -> None:
    target = Target(**json.loads(sys.stdin.readline()))
    chosen = [(attack, count) for attack, count in ATTACKS if sys.argv[1:] in ([], [attack.__name__])]
    attacks = [asyncio.create_task(_again_and_again(attack, target)) for attack, count in chosen for _ in range(count)]
    while len(tried) < len(chosen):  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.1)
    print("all have begun", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    assert attacks  # kept, since the loop itself does not
    print(json.dumps(tried), flush=True)
    os._exit(0)  # bad clients do not take leave


if __name__ == "__main__":
    os.nice(NICE)
    asyncio.run(main())
