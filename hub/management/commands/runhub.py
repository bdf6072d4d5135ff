from __future__ import annotations

import asyncio
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridges.mqtt import brokers
from bridges.mqtt.address import AddressError, BrokerAddress
from bridges.mqtt.client_id import ClientIdTaken
from devices.availability.changes import reset_to_unknown
from devices.errors import Invalid
from devices.management import metrics
from devices.models import Space
from devices.runtime.locks import FileLock
from devices.values import now_us
from hub import broker_sockets, demo, sockets
from hub.assembly import Hub
from hub.banner import demo_banner, own_banner
from hub.mqtt_tls import CertificateUnusable
from hub.terminal import become_foreground_job


class Command(BaseCommand):
    help = "Runs the whole hub in one process: embedded broker, bridge and web server."

    def add_arguments(self, parser: CommandParser) -> None:
        metrics.add_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        _check_demo_password()
        metrics.serve(options["metrics_address"])
        lock = FileLock(settings.DATA_DIR / "runhub.lock")
        if not asyncio.run(lock.acquire()):
            raise CommandError(
                f"a hub is already running on {settings.DATA_DIR}: stop it first, or set another DATA_DIR"
            )
        try:
            web_socket = sockets.bind(settings.BIND, settings.PORT, "PORT")
            mqtt_sockets = broker_sockets.bind() if not settings.BROKERS else None
            addresses = {name: brokers.usable(name) for name in brokers.configured()}
        except (sockets.PortTaken, CertificateUnusable, AddressError) as error:
            raise CommandError(str(error)) from None
        call_command("migrate", verbosity=0, interactive=False)
        greeting = _greeting(brokers.published())
        if mqtt_sockets is not None:
            reset_to_unknown(now_us())
        become_foreground_job()
        hub = Hub(web_socket, mqtt_sockets, addresses, greeting)
        hub.run()
        if isinstance(hub.failure, ClientIdTaken):
            raise CommandError(str(hub.failure))
        if hub.failure is not None:
            raise CommandError(f"the hub failed: {hub.failure!r}") from hub.failure


def _check_demo_password() -> None:
    if not settings.DEMO or not settings.DEMO_PASSWORD:
        return
    try:
        demo.check_password_strength(settings.DEMO_PASSWORD)
    except Invalid as error:
        raise CommandError(f"DEMO_PASSWORD is too weak: {error.message}") from None


def _greeting(broker: BrokerAddress) -> str:
    """Prepares the demo, if it is wanted, and returns the start-up message."""
    if not settings.DEMO:
        return own_banner(settings.ENV, has_spaces=Space.objects.exists(), demo_users=demo.remaining_users())
    prepared = demo.prepare(settings.DATA_DIR, settings.DEMO_PASSWORD, simulated=True)
    return demo_banner(settings.ENV, prepared, broker, at_terminal=sys.stdout.isatty())
