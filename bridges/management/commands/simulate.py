from __future__ import annotations

import asyncio
import math
import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridges.mqtt import brokers
from bridges.mqtt.address import AddressError, BrokerAddress
from bridges.simulator.credentials import Credentials, CredentialsError, read
from bridges.simulator.simulation import simulate
from devices.management.signals import stop_event


class Command(BaseCommand):
    help = "Runs simulated devices, each an MQTT client with its own credentials, until it is stopped."
    requires_system_checks = []  # it uses neither the database nor the web

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--credentials",
            type=Path,
            default=settings.DATA_DIR / "simulator.jsonl",
            metavar="FILE",
            help='file with a line {"uid": "pump-1", "secret": "…"} per device, as createdevice prints it; '
            "the part of the uid before the first - is the kind (default: %(default)s)",
        )
        parser.add_argument(
            "--url",
            default=brokers.first().for_others(),
            help="the broker, mqtt://host:port; a user and a password in it are ignored (default: %(default)s)",
        )
        parser.add_argument(
            "--interval",
            type=float,
            default=1.0,
            metavar="SECONDS",
            help="time between two telemetry messages of a device (default: %(default)s)",
        )

        parser.add_argument(
            "--stop-with-stdin",
            action="store_true",
            help="also stop when standard input, a pipe, is closed, because the program that started this was killed",
        )

    def handle(
        self,
        *args: Any,
        credentials: Path,
        url: str,
        interval: float,
        stop_with_stdin: bool,
        **options: Any,
    ) -> None:
        if not (math.isfinite(interval) and interval > 0):
            raise CommandError("--interval must be a number of seconds greater than 0")
        try:
            fleet, broker = read(credentials), BrokerAddress.from_url(url).with_secrets()
        except (CredentialsError, AddressError) as error:
            raise CommandError(str(error)) from None
        asyncio.run(_run(fleet, broker, interval, stop_with_stdin))


async def _run(fleet: list[Credentials], broker: BrokerAddress, interval_s: float, stop_with_stdin: bool) -> None:
    stop = stop_event()
    if stop_with_stdin:
        _set_when_stdin_closes(stop)
    await simulate(fleet, broker, interval_s, stop)


def _set_when_stdin_closes(stop: asyncio.Event) -> None:
    """Devices that outlived a killed hub would disconnect those of the next hub, which have the same client ids, and be
    disconnected by them, for ever."""
    loop, stdin = asyncio.get_running_loop(), sys.stdin.fileno()

    def read() -> None:
        if not os.read(stdin, 1024):
            loop.remove_reader(stdin)
            stop.set()

    try:
        loop.add_reader(stdin, read)
    except PermissionError:  # a regular file cannot be watched
        raise CommandError("--stop-with-stdin needs a pipe as standard input") from None
