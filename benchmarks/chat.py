"""How soon a message in a room reaches everybody in it.

    .venv/bin/python -m benchmarks.chat [--people 200] [--rates 5 20 80] [--only embedded postgresql]

Each person has a login and a connection of their own, keeps the room and the inbox open as a page does, and they send
in turn. A message is stored before it is delivered. Its age is counted from the moment at which it was due
to be sent, for each person who receives it, the author among them. The tutorial's stack stores nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from benchmarks.load import people
from benchmarks.load.people import ChatDeliveries, ChatOrder, RoomPlan
from benchmarks.load.workers import Shares, Worker
from benchmarks.targets import UNLIMITED, processes, settings_of, started, web
from tests.support.hub import RunningHub
from tests.support.servers import HubServer, Redis, Server

LIMIT_MS = 50
WEB = 2
"""Web processes of the scaled-out forms; every second person is on the other one."""

_PREPARE = """
import json
from django.contrib.auth.models import User
from devices.models import Member, Space
from devices.rooms import provisioning
from devices.spaces import tokens
from devices.values import Role
space = Space.objects.get(slug="demo")
device, _ = provisioning.create_device("pump-9", space)
people = [User.objects.create(username=f"person-{i:03}") for i in range(%d)]
Member.objects.bulk_create([Member(space=space, user=user, role=Role.VIEWER) for user in people])
print(json.dumps({"room": device.room.pk, "tokens": [tokens.create(user) for user in people]}))
"""


@dataclass(frozen=True)
class Stack:
    plan: RoomPlan
    servers: dict[str, list[int]]


def _prepare(hub: HubServer, people: int) -> RoomPlan:
    prepared = json.loads(hub.manage("shell", "-c", _PREPARE % people).splitlines()[-1])
    return RoomPlan([], people, prepared["room"], prepared["tokens"])


@contextmanager
def embedded(folder: Path, people: int) -> Iterator[Stack]:
    with started(RunningHub(folder, **UNLIMITED)) as hub:
        plan = replace(_prepare(hub, people), urls=[f"ws://127.0.0.1:{hub.port}/ws/"])
        yield Stack(plan, {"hub": processes(hub)})


@contextmanager
def scaled_out(folder: Path, people: int, *, postgresql: bool = False) -> Iterator[Stack]:
    """Redis and two uvicorn processes."""
    with ExitStack() as stack:
        settings = settings_of(stack, folder, postgresql=postgresql)
        hub = RunningHub(folder, **settings)
        with started(hub):
            plan = _prepare(hub, people)
        redis = stack.enter_context(started(Redis(folder)))
        settings |= {"DATA_DIR": hub.settings["DATA_DIR"], "REDIS_URL": redis.url}
        fronts = [
            stack.enter_context(started(web(folder, "uvicorn", "hub.asgi:application", settings))) for _ in range(WEB)
        ]
        urls = [f"ws://127.0.0.1:{front.port}/ws/" for front in fronts]
        servers: dict[str, Server] = {"redis": redis, **{f"web {i}": front for i, front in enumerate(fronts, 1)}}
        yield Stack(replace(plan, urls=urls), {name: processes(server) for name, server in servers.items()})


@contextmanager
def tutorial(folder: Path, people: int) -> Iterator[Stack]:
    with ExitStack() as stack:
        redis = stack.enter_context(started(Redis(folder)))
        application = "benchmarks.peers.tutorial.asgi:application"
        front = stack.enter_context(started(web(folder, "daphne", application, {"REDIS_URL": redis.url})))
        plan = RoomPlan([f"ws://127.0.0.1:{front.port}/chat/"], people)
        yield Stack(plan, {"redis": processes(redis), "web": processes(front)})


STACKS: dict[str, Callable[[Path, int], AbstractContextManager[Stack]]] = {
    "embedded": embedded,
    "sqlite": scaled_out,
    "postgresql": partial(scaled_out, postgresql=True),
    "tutorial": tutorial,
}


def describe(deliveries: ChatDeliveries, people: int) -> str:
    p50, p99 = (deliveries.latency.quantile_ms(share) for share in (0.5, 0.99))
    lost = deliveries.sent * people - deliveries.delivered
    complaints = deliveries.complaints
    problems = f"  {len(complaints)} problems: {complaints[0]}" if complaints else ""
    return (
        f"{deliveries.sent:5,} sent  {deliveries.delivered:9,} delivered  lost {lost:,}"
        f"  p50 {p50:6.1f}  p99 {p99:7.1f} ms{'' if p99 <= LIMIT_MS else ' (over the target)'}{problems}"
    )


def measure(name: str, people_: int, rates: list[float], seconds: float) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder,
        STACKS[name](Path(folder), people_) as stack,
    ):
        worker = Worker(people.main, stack.plan)
        try:
            worker.answer()
            worker.ask(ChatOrder(rates[0], 2))  # connections to the database, caches
            for rate in rates:
                shares = Shares({**stack.servers, "people": [worker.pid]})
                began = time.monotonic()
                deliveries: ChatDeliveries = worker.ask(ChatOrder(rate, seconds))
                took = time.monotonic() - began
                used = " ".join(f"{part} {share:.0%}" for part, share in shares.read().items())
                sent = f"{name:10} {rate:4.0f}/s {describe(deliveries, people_)}"
                print(f"{sent}  {deliveries.delivered / took:,.0f}/s  [{used}]", flush=True)
        finally:
            worker.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--rates", type=float, nargs="+", default=[5, 20, 80], help="messages/s in the room")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", nargs="+", choices=STACKS, default=list(STACKS))
    arguments = parser.parse_args()
    for name in arguments.only:
        try:
            measure(name, arguments.people, arguments.rates, arguments.seconds)
        except pytest.skip.Exception as missing:
            print(f"{name:10} left out: {missing}", flush=True)


if __name__ == "__main__":
    main()
