"""The cost of reading and writing the MQTT packets of a message, in microseconds each.

    .venv/bin/python -m benchmarks.packets

The least of many short runs: on a busy machine the others count its other work.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

import mqtt5

from bridges.broker import Limits
from bridges.broker.client_bounds import ClientBounds
from bridges.mqtt.packets import PacketReader, PublishPacket, Version, codec, puback, pubacks

COUNT = 100
"""Packets a run."""
MESSAGE = PublishPacket(
    "devices/load-1/telemetry",
    b'{"ts":1700000000000,"values":{"temperature":21.5,"humidity":40.25,"on":true}}',
    qos=1,
    packet_id=7,
)
BOUNDS = ClientBounds(Limits()).after_login


def reading(version: Version) -> Callable[[], object]:
    """Cuts a stream into packets and reads each of them."""
    reader = PacketReader(BOUNDS, codec(version))
    data = codec(version).write(MESSAGE) * COUNT

    def read() -> None:
        reader.feed(data)
        for _ in reader.packets():
            pass

    return read


def writing(version: Version) -> Callable[[], object]:
    write = codec(version).write
    return lambda: [write(MESSAGE) for _ in range(COUNT)]


def mqtt5_only() -> Callable[[], object]:
    packet = codec(Version.V5).write(MESSAGE)
    return lambda: [mqtt5.read(packet) for _ in range(COUNT)]  # type: ignore[arg-type]


CASES: dict[str, Callable[[], object]] = {
    "read a PUBLISH of 3.1.1": reading(Version.V311),
    "read a PUBLISH of 5": reading(Version.V5),
    "  of that, mqtt5": mqtt5_only(),
    "write a PUBLISH of 3.1.1": writing(Version.V311),
    "write a PUBLISH of 5": writing(Version.V5),
    "write a PUBACK": lambda: [puback(7) for _ in range(COUNT)],
    "write a batch of PUBACKs, each": lambda: pubacks([7] * COUNT),
}


def main() -> None:
    for name, run in CASES.items():
        least = min(timeit.repeat(run, number=5, repeat=500)) / 5 / COUNT
        print(f"{name:32} {least * 1e6:5.2f} µs", flush=True)


if __name__ == "__main__":
    main()
