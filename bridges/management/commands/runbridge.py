from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridges.mqtt.address import AddressError, BrokerAddress
from bridges.mqtt.bridge import DEFAULT_CLIENT_ID, run_bridge


class Command(BaseCommand):
    help = "Bridges between the broker of MQTT_URL and the hub; the layer of REDIS_URL carries it to the web processes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client-id", default=DEFAULT_CLIENT_ID, help="names the persistent session at the broker")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.MQTT_URL:
            raise CommandError("MQTT_URL is not set: a bridge of its own needs a broker of its own (or use runhub)")
        if not settings.REDIS_URL:
            raise CommandError("REDIS_URL is not set: without it nothing stored here reaches the web processes")
        try:
            address = BrokerAddress.from_url(settings.MQTT_URL)
        except AddressError as error:
            raise CommandError(f"MQTT_URL: {error}") from None
        asyncio.run(bridge_until_signalled(address, options["client_id"]))


async def bridge_until_signalled(address: BrokerAddress, client_id: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_bridge(address, client_id, stop)
