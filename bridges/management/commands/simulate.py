from __future__ import annotations

import asyncio
import math
import signal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridges.simulator.address import AddressError, Broker, parse
from bridges.simulator.credentials import Credentials, CredentialsError, read
from bridges.simulator.simulation import simulate


class Command(BaseCommand):
    help = "Runs simulated devices, each a real MQTT client with credentials of its own, until it is stopped."
    requires_system_checks = []  # it touches neither the database nor the web

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--credentials",
            type=Path,
            default=settings.DATA_DIR / "simulator.jsonl",
            metavar="FILE",
            help='a line {"uid": "pump-1", "secret": "…"} for each device, as createdevice prints it; '
            "the part of the uid before the first - is the kind (default: %(default)s)",
        )
        parser.add_argument(
            "--url",
            default=settings.MQTT_URL or f"mqtt://127.0.0.1:{settings.MQTT_PORT}",
            help="the broker, mqtt://host:port; a user and a password in it are passed over",
        )
        parser.add_argument(
            "--interval",
            type=float,
            default=1.0,
            metavar="SECONDS",
            help="time between two telemetry messages of a device (default: %(default)s)",
        )

    def handle(self, *args: Any, credentials: Path, url: str, interval: float, **options: Any) -> None:
        if not (math.isfinite(interval) and interval > 0):
            raise CommandError("--interval must be a number of seconds above 0")
        try:
            fleet, broker = read(credentials), parse(url)
        except (CredentialsError, AddressError) as error:
            raise CommandError(str(error)) from None
        asyncio.run(_until_signalled(fleet, broker, interval))


async def _until_signalled(fleet: list[Credentials], broker: Broker, interval_s: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await simulate(fleet, broker, interval_s, stop)
