from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridges.announcing.outside import announce
from bridges.mqtt import brokers
from bridges.mqtt.address import AddressError
from bridges.mqtt.bridge import DEFAULT_NAME, run_bridge
from bridges.mqtt.client_id import ClientIdTaken
from bridges.sources.listening import with_sources
from devices.management import metrics
from devices.management.signals import stop_event
from devices.runtime.gc_tuning import collect_seldom

MAX_BRIDGES = 64


class Command(BaseCommand):
    help = "Connects a broker of MQTT_URL with the hub; web processes receive its events through REDIS_URL."
    requires_system_checks = []  # they would load every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--broker", metavar="NAME", help="which broker, if MQTT_URL names several")
        metrics.add_option(parser)
        one_or_several = parser.add_mutually_exclusive_group()
        one_or_several.add_argument(
            "--client-id",
            help="client id of the persistent session at the broker (default: one that nobody can guess); a device "
            "that knows it, and may use any client id, can take over the session",
        )
        one_or_several.add_argument(
            "--of",
            type=int,
            metavar="N",
            help=f"run as one of N bridges that share the load, all started like this: uses the first free name "
            f"of {DEFAULT_NAME}-1 to -N; needs a broker with MQTT 5",
        )

    def handle(self, *args: Any, broker: str | None, client_id: str | None, of: int | None, **options: Any) -> None:
        if not settings.BROKERS:
            raise CommandError("MQTT_URL is not set: a separate bridge needs a separate broker (or use runhub)")
        if not settings.REDIS_URL:
            raise CommandError("REDIS_URL is not set: without it nothing stored here reaches the web processes")
        if of is not None and not 1 <= of <= MAX_BRIDGES:
            raise CommandError(f"--of must be a number of bridges from 1 to {MAX_BRIDGES}")
        metrics.serve(options["metrics_address"])
        collect_seldom()
        try:
            asyncio.run(_bridge_until_signalled(brokers.choose(broker), client_id, of))
        except (AddressError, ClientIdTaken) as error:
            raise CommandError(str(error)) from None


async def _bridge_until_signalled(broker: str, client_id: str | None, of: int | None) -> None:
    stop, address = stop_event(), brokers.usable(broker)
    if of is not None:
        names = [f"{DEFAULT_NAME}-{i}" for i in range(1, of + 1)]
        bridge = run_bridge(broker, address, names, stop, shared=True)
    else:
        bridge = run_bridge(broker, address, [client_id or DEFAULT_NAME], stop, secret=client_id is None)
    announcing = asyncio.create_task(announce(broker, address)) if settings.HA_DISCOVERY else None
    try:
        await with_sources(bridge, stop)
    finally:
        if announcing is not None:
            announcing.cancel()
            await asyncio.wait({announcing})
