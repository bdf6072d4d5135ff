"""QoS 1 with MQTT 3.1.1 and with 5, in turns: messages a second from one client until the hub has acknowledged all.

    .venv/bin/python -m benchmarks.mqtt_versions [--messages 20000] [--rounds 7]

The hub stores each message before it acknowledges it. The median of the rounds counts, and of each pair the ratio.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.load import mqtt
from benchmarks.targets import UNLIMITED, started
from bridges.mqtt.packets import ConnectPacket, PublishPacket, Version, codec
from tests.support.data_folder import Credentials
from tests.support.hub import RunningHub

WINDOW = 500
"""Messages that are not acknowledged."""
PUBACK_BYTES = 4


def rate(port: int, device: Credentials, version: Version, messages: int) -> float:
    write = codec(version).write
    login = ConnectPacket(
        version=version, client_id="load", username=device.uid, password=device.secret.encode(), receive_maximum=WINDOW
    )
    now_ms = int(time.time() * 1000)
    packets = [
        write(
            PublishPacket(f"devices/{device.uid}/telemetry", b'{"ts": %d, "values": {"a": 1}}' % ts, 1, packet_id=place)
        )
        for place, ts in ((number % 60_000 + 1, now_ms - messages + number) for number in range(messages))
    ]
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(write(login))
        assert sock.recv(1_000)[3] == mqtt.CONNACK[3]
        begin = time.monotonic()
        _publish(sock, packets)
        return messages / (time.monotonic() - begin)


def _publish(sock: socket.socket, packets: list[bytes]) -> None:
    sent = acknowledged = 0
    received = 0
    while acknowledged < len(packets):
        room = min(len(packets), acknowledged + WINDOW) - sent
        if room:
            sock.sendall(b"".join(packets[sent : sent + room]))
            sent += room
        received += len(sock.recv(65_536))
        acknowledged = received // PUBACK_BYTES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    rates: dict[Version, list[float]] = {Version.V311: [], Version.V5: []}
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder:
        hub = RunningHub(Path(folder), **UNLIMITED)
        with started(hub):
            device = hub.create_device("load")
            for version in rates:
                rate(hub.mqtt_port, device, version, arguments.messages)  # once for nothing
            for _ in range(arguments.rounds):
                for version, found in rates.items():
                    found.append(rate(hub.mqtt_port, device, version, arguments.messages))
    for version, found in rates.items():
        print(f"MQTT {version.label:6} {statistics.median(found):8,.0f} messages/s", flush=True)
    ratios = [new / old for old, new in zip(rates[Version.V311], rates[Version.V5], strict=True)]
    print(f"5 to 3.1.1  {statistics.median(ratios):8.2f}", flush=True)


if __name__ == "__main__":
    main()
