"""The cost of viewers who never read to the others: the 99th percentile with and without them, in turns.

    .venv/bin/python -m benchmarks.stalled [--stalled 1] [--viewers 100] [--rate 5000] [--rounds 6]

They subscribe to the same device and read nothing from then on, so that the hub cannot be rid of what it writes to
them. The load and the servers share the machine.
"""

from __future__ import annotations

import argparse
import json
import secrets
import socket
import statistics
import tempfile
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.fanout import Case, LoadGenerator
from benchmarks.load.viewers import Plan
from benchmarks.targets import TARGETS

RECEIVE_BYTES = 4096
SECONDS = 4.0


def stall(plan: Plan) -> socket.socket:
    """A subscribed viewer who never reads."""
    address = urlsplit(plan.url)
    viewer = socket.socket()
    viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    viewer.connect((address.hostname, address.port))
    headers = {
        "Host": address.netloc,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": b64encode(secrets.token_bytes(16)).decode(),
        **plan.headers,
    }
    lines = [f"GET {address.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    viewer.sendall("\r\n".join(lines).encode())
    answer = viewer.recv(12)
    if answer != b"HTTP/1.1 101":
        raise RuntimeError(f"no WebSocket: {answer!r}")
    request = json.dumps({"id": 1, "type": "subscribe", "stream": plan.subscribe}).encode()
    viewer.sendall(bytes([0x81, 0x80 | len(request)]) + bytes(4) + request)  # a text frame, its mask of zeros
    return viewer


def measure(name: str, stalled: int, viewers: int, rate: float, rounds: int) -> None:
    case = Case(1, viewers, {})
    ratios = []
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder, ExitStack() as stack:
        target = stack.enter_context(TARGETS[name](Path(folder), case.devices))
        load = LoadGenerator(target, case, 1)
        stack.callback(load.stop)
        load.step(rate, SECONDS)  # connections, metrics and caches
        for _ in range(rounds):
            alone = load.step(rate, SECONDS)
            with ExitStack() as idle:
                for _ in range(stalled):
                    idle.callback(stall(target.plan).close)
                beside = load.step(rate, SECONDS)
            ratios.append(beside.p99_ms / alone.p99_ms)
            print(f"    alone   {alone}\n    beside  {beside}", flush=True)
    print(
        f"{name:8} {viewers} viewers beside {stalled} who never read: p99 times {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TARGETS, default=["daphne", "uvicorn"])
    parser.add_argument("--stalled", type=int, default=1)
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--rate", type=float, default=5_000, help="messages/s")
    parser.add_argument("--rounds", type=int, default=6)
    arguments = parser.parse_args()
    for name in arguments.only:
        measure(name, arguments.stalled, arguments.viewers, arguments.rate, arguments.rounds)


if __name__ == "__main__":
    main()
