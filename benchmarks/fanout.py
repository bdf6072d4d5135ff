"""How many messages a second reach viewers over WebSocket before the 99th percentile of their latency passes 150 ms.

    .venv/bin/python -m benchmarks.fanout [--only embedded nats] [--cases hot-100] [--seconds 3]

Peers are measured in the same run where they are installed (Debian: mosquitto, nats-server). A message is published
over MQTT with QoS 1 (NATS: 0) and, by the hub, stored before it is shown. The rate rises by half from step to step
(`--rise 1.15` for finer ones); the last step counts in which nothing was lost or merged and the 99th percentile was
kept. The load and the servers share the machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks.load import publisher, viewers
from benchmarks.load.publisher import PublishedCount, PublishOrder
from benchmarks.load.viewers import Deliveries
from benchmarks.load.workers import Shares, Worker
from benchmarks.targets import TARGETS, Target

LIMIT_MS = 150
RISE = 1.5
MAX_STEPS = 14
MAX_FALLS = 3
"""How often a first step that was not good is tried at a third of its rate."""
QUIET_S = 1.0
"""After so long without a delivery, what has not arrived is lost."""


@dataclass(frozen=True)
class Case:
    """`first`: messages/s of the first step, for each target; those not named are not measured."""

    devices: int
    viewers: int
    first: dict[str, float]
    rise: float = RISE
    """By what the rate grows from step to step; 1: there is one step."""


_QUIET = dict.fromkeys(["embedded", "uvicorn", "daphne", "tutorial", "mosquitto", "nats"], 10.0)
CASES = {
    "hot-100": Case(
        1,
        100,
        {
            "embedded": 3000,
            "uvicorn": 4000,
            "daphne": 4000,
            "postgresql": 4000,
            "tutorial": 20,
            "mosquitto": 800,
            "nats": 8000,
        },
    ),
    "hot-500": Case(1, 500, {"embedded": 1500, "uvicorn": 1500, "tutorial": 3, "mosquitto": 150, "nats": 2000}),
    "wall": Case(1000, 50, {"embedded": 1500, "uvicorn": 2000, "mosquitto": 1200, "nats": 8000}),
    "quiet": Case(1, 100, _QUIET, rise=1),
}


@dataclass(frozen=True)
class Step:
    rate: float
    viewers: int
    published: PublishedCount
    shown: Deliveries
    shares: dict[str, float]
    notes: list[str]
    """Frames that reported losses or errors to a viewer."""
    took_s: float

    @property
    def lost(self) -> int:
        return self.published.messages * self.viewers - self.shown.delivered - self.shown.merged

    @property
    def p99_ms(self) -> float:
        return self.shown.latency.quantile_ms(0.99)

    @property
    def is_good(self) -> bool:
        whole = not (self.lost or self.shown.merged or self.shown.closed)
        return whole and self.published.acknowledged == self.published.messages and self.p99_ms <= LIMIT_MS

    def __str__(self) -> str:
        shown = self.shown
        used = " ".join(f"{name} {share:.0%}" for name, share in self.shares.items())
        return (
            f"{self.rate:9,.0f} in/s {self.rate * self.viewers:11,.0f} out/s  p50 {shown.latency.quantile_ms(0.5):7.1f}"
            f"  p99 {self.p99_ms:8.1f} ms  lost {self.lost:,} merged {shown.merged:,}"
            f"  frames {shown.frames / self.took_s:,.0f}/s late {self.published.late_s * 1000:.0f} ms"
            f"  [{used}]{f' closed {shown.closed}' if shown.closed else ''}"
            f"{f' {len(self.notes)} problems: {self.notes[0]}' if self.notes else ''}"
        )


class LoadGenerator:
    """A publisher and the viewers, on a target that runs."""

    def __init__(self, target: Target, case: Case, processes: int) -> None:
        self._case, self._target = case, target
        self.published = 0
        share, rest = divmod(case.viewers, processes)
        self._viewers = [Worker(viewers.main, target.plan.of(share + (i < rest))) for i in range(processes)]
        for worker in self._viewers:
            worker.answer()
        self._publisher = Worker(publisher.main, target.mqtt_port, target.logins, target.qos, target.window)
        self._publisher.answer()

    def stop(self) -> None:
        for worker in (self._publisher, *self._viewers):
            worker.stop()

    def step(self, rate: float, seconds: float) -> Step:
        self._collect()
        shares = Shares(
            {
                **self._target.servers,
                "publisher": [self._publisher.pid],
                "viewers": [worker.pid for worker in self._viewers],
            }
        )
        began = time.monotonic()
        published: PublishedCount = self._publisher.ask(PublishOrder(rate, seconds))
        self.published += published.messages
        used, took = shares.read(), time.monotonic() - began
        self._drain(published.messages * self._case.viewers)
        shown, notes = self._collect()
        return Step(rate, self._case.viewers, published, shown, used, notes, took)

    def _drain(self, expected: int) -> None:
        """Returns once all is delivered, or nothing comes any more."""
        count, moved = -1, time.monotonic()
        while time.monotonic() - moved < QUIET_S:
            now = sum(worker.ask("count") for worker in self._viewers)
            if now >= expected:
                return
            if now != count:
                count, moved = now, time.monotonic()
            time.sleep(0.05)

    def _collect(self) -> tuple[Deliveries, list[str]]:
        whole, notes = Deliveries(), []
        for worker in self._viewers:
            shown, more = worker.ask("collect")
            whole.merge(shown)
            notes += more
        return whole, notes


def ramp(load: LoadGenerator, case: Case, first: float, seconds: float) -> Step | None:
    """The last good step. A bad one is tried again: other programs run on the machine too."""
    best: Step | None = None
    rate, least = first, first / 3**MAX_FALLS
    load.step(rate / 2, 1)  # connections, metrics and caches
    for _ in range(MAX_STEPS if case.rise > 1 else 1):
        step = load.step(rate, seconds)
        print(f"    {'' if step.is_good else '- '}{step}", flush=True)
        if not step.is_good:
            step = load.step(rate, seconds)
            print(f"    {'' if step.is_good else '- '}{step}", flush=True)
        if step.is_good:
            best = step
            rate *= case.rise
        elif best is None and rate > least:
            rate /= 3
        else:
            break
    return best


def measure(name: str, case: Case, seconds: float, processes: int) -> Step | None:
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder, ExitStack() as stack:
        target = stack.enter_context(TARGETS[name](Path(folder), case.devices))
        load = LoadGenerator(target, case, processes)
        stack.callback(load.stop)
        before = target.stored() if target.stored else 0
        best = ramp(load, case, case.first[name], seconds)
        if target.stored and target.stored() - before != load.published:
            print(f"    {target.stored() - before:,} of {load.published:,} messages were stored")
        return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--viewers", type=int, help="instead of the case's number")
    parser.add_argument("--first", type=float, help="messages/s of the first step")
    parser.add_argument("--rise", type=float, help=f"by what the rate grows from step to step, instead of {RISE}")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--processes", type=int, default=1, help="of viewers")
    arguments = parser.parse_args()
    for case_name in arguments.cases:
        case = CASES[case_name]
        if arguments.viewers:
            case = replace(case, viewers=arguments.viewers)
        if arguments.rise and case.rise > 1:
            case = replace(case, rise=arguments.rise)
        for name in arguments.only:
            if name not in case.first:
                continue
            if arguments.first:
                case.first[name] = arguments.first
            print(f"{case_name} {name}", flush=True)
            try:
                best = measure(name, case, arguments.seconds, arguments.processes)
            except pytest.skip.Exception as missing:
                print(f"{case_name:8} {name:10} left out: {missing}", flush=True)
                continue
            print(f"{case_name:8} {name:10} {best or 'no step was good'}", flush=True)


if __name__ == "__main__":
    main()
