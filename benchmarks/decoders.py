"""How long a message takes in a decoder's script, from handing it over to having the JSON.

.venv/bin/python -m benchmarks.decoders [--rounds 20] [--batch 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
django.setup()

from bridges.sources.decoders.calls import Call  # noqa: E402
from bridges.sources.decoders.pool import Pool  # noqa: E402
from tests.bridges.sources.decoders.scripts import CHIRPSTACK, OLD, THINGS_NETWORK, WITH_BUFFER  # noqa: E402

SHAPES = {
    "The Things Network": (THINGS_NETWORK, bytes.fromhex("09c4b4")),
    "ChirpStack": (CHIRPSTACK, bytes.fromhex("0167011002685403670111")),
    "Decoder(bytes, port)": (OLD, bytes.fromhex("100201")),
    "with Buffer": (WITH_BUFFER, bytes(range(14))),
}


async def measure(script: str, payload: bytes, rounds: int, batch: int) -> tuple[float, float]:
    """Median microseconds of a message in a batch, and of one alone."""
    pool = Pool()
    try:
        sizes = {batch: list[float](), 1: list[float]()}
        for _ in range(rounds):
            for size, took in sizes.items():
                began = time.perf_counter()
                outcomes = await pool.run("benchmark", script, [Call(payload, 2, 1)] * size)
                took.append((time.perf_counter() - began) / size * 1e6)
                if outcomes[0].reason:
                    raise SystemExit(outcomes[0].detail)
        return statistics.median(sizes[batch]), statistics.median(sizes[1])
    finally:
        await pool.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--batch", type=int, default=1_000)
    arguments = parser.parse_args()
    for name, (script, payload) in SHAPES.items():
        batched, alone = asyncio.run(measure(script, payload, arguments.rounds, arguments.batch))
        print(f"{name:22} {batched:6.1f} µs a message in batches, {alone:6.0f} µs alone", flush=True)


if __name__ == "__main__":
    main()
