"""How soon 500 viewers are back after their web process was killed and started again.

    .venv/bin/python -m benchmarks.storm [--viewers 500] [--away 0 10]

They come back as docs/protocol/websocket.md asks of clients. Seconds are counted from the moment at which the process
takes connections; `--away` is how long the process is down, which makes the pauses of the clients longer.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.load.workers import Shares
from tests.support.deployment import Counter, Deployment, Machine
from tests.support.returning import Crowd
from tests.support.stack import WebServer

WITHIN_S = 120


async def measure(deployment: Deployment, web: WebServer, machine: Machine, viewers: int, away_s: float) -> str:
    crowd = Crowd(viewers, web.url, deployment.token, machine.uid, "count")
    with Counter(deployment.mosquitto.port, machine, per_second=2):
        async with crowd.watching():
            await crowd.all(lambda viewer: viewer.is_back, WITHIN_S)
            await asyncio.to_thread(web.kill)
            await crowd.all(lambda viewer: not viewer.is_back, WITHIN_S)
            await asyncio.sleep(away_s)
            await asyncio.to_thread(web.start)
            began = time.monotonic()
            assert web.process is not None
            shares = Shares({"web": [web.process.pid]})
            await crowd.all(lambda viewer: viewer.is_back, WITHIN_S)
            used = " ".join(f"{name} {share:.0%}" for name, share in shares.read().items())
    took = sorted(viewer.back_at - began for viewer in crowd.viewers)
    half, most, last = (took[int(share * (len(took) - 1))] for share in (0.5, 0.95, 1))
    return f"half back after {half:.1f} s, 95 % after {most:.1f} s, the last after {last:.1f} s  [{used}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--away", type=float, nargs="+", default=[0, 10], help="seconds without a web process")
    arguments = parser.parse_args()
    runs = [(name, away_s) for name in ("uvicorn", "daphne") for away_s in arguments.away]
    with (
        tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder,
        Deployment(Path(folder), machines=len(runs), CONNECTION_LIMIT="0", REQUEST_RATE_LIMIT="0") as deployment,
    ):
        for name, away_s in runs:
            web: WebServer = getattr(deployment, name)
            found = asyncio.run(measure(deployment, web, deployment.machines.pop(), arguments.viewers, away_s))
            print(f"{name:8} away {away_s:3.0f} s  {found}", flush=True)


if __name__ == "__main__":
    main()
