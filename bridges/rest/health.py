"""Liveness and readiness of the hub. Open to anybody, so they show no more than the names of its parts."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from channels.layers import get_channel_layer
from django.db import close_old_connections, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.brokers import configured
from devices.models import Space
from devices.runtime import only_process

LIMIT_S = 2.0
"""How long a part may take to answer."""
LEAST_FREE_BYTES = 8 << 20
"""Free space on SQLite's disk; its write-ahead log grows by some megabytes between checkpoints."""
RESEND_S = 0.3
"""Redis may handle a message before the subscription, which was sent earlier but on another connection."""

# Not the threads of `devices.runtime.database`: if the database hangs, each probe would block another one of them.
_thread = ThreadPoolExecutor(1, thread_name_prefix="readiness")


async def alive(request: HttpRequest) -> HttpResponse:
    """200 for as long as the event loop runs."""
    return JsonResponse({"ok": True})


async def ready(request: HttpRequest) -> HttpResponse:
    """`{"database": {"ok": true}, "layer": …, "broker": …}`; 503 if one of them is not ok and has an `error`.

    Several brokers appear as `broker:<name>`.
    """
    checks = {**_CHECKS, **_broker_checks()}
    found = await asyncio.gather(*map(_outcome, checks.values()))
    parts = dict(zip(checks, found, strict=True))
    return JsonResponse(parts, status=200 if all(part["ok"] for part in found) else 503)


async def _outcome(check: Callable[[], Awaitable[None]]) -> dict[str, bool | str]:
    try:
        async with asyncio.timeout(LIMIT_S):
            await check()
    except TimeoutError:
        return {"ok": False, "error": f"no answer in {LIMIT_S:.0f} s"}
    except Exception as error:
        # Only the name of the error: its text may hold addresses and user names.
        return {"ok": False, "error": type(error).__name__}
    return {"ok": True}


async def _check_database() -> None:
    await asyncio.get_running_loop().run_in_executor(_thread, _query)


class DiskFull(Exception):
    """SQLite can still read, but not write."""


def _query() -> None:
    """Reads a table: SQLite answers `SELECT 1` without opening its file."""
    close_old_connections()
    try:
        Space.objects.exists()
        if connection.vendor == "sqlite" and _free_bytes(connection.settings_dict["NAME"]) < LEAST_FREE_BYTES:
            raise DiskFull
    finally:
        close_old_connections()


def _free_bytes(database: str) -> int:
    return shutil.disk_usage(Path(database).absolute().parent).free


async def _check_layer() -> None:
    only_process.check()
    layer = get_channel_layer()
    channel = await layer.new_channel("readiness")
    receiving = asyncio.create_task(layer.receive(channel))
    try:
        while not receiving.done():
            await layer.send(channel, {"type": "readiness"})
            await asyncio.wait({receiving}, timeout=RESEND_S)
        receiving.result()
    finally:
        receiving.cancel()
    # The Redis layer only gives up a channel when a receive on it is cancelled.
    closing = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0)
    closing.cancel()


def _broker_checks() -> dict[str, Callable[[], Awaitable[None]]]:
    found = configured()
    return {
        f"broker:{name}" if len(found) > 1 else "broker": partial(_check_broker, broker)
        for name, broker in found.items()
    }


async def _check_broker(broker: BrokerAddress) -> None:
    """Only that it accepts a TCP connection: signing in is up to the bridge."""
    _, writer = await asyncio.open_connection(broker.host, broker.port)
    writer.close()


_CHECKS: dict[str, Callable[[], Awaitable[None]]] = {
    "database": _check_database,
    "layer": _check_layer,
}
