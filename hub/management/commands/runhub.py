from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from bridges.mqtt.address import AddressError, configured
from devices.services.availability import forget_availability
from devices.values import now_us
from hub import demo, sockets
from hub.assembly import Hub
from hub.banner import banner
from hub.terminal import take_terminal


class Command(BaseCommand):
    help = "Runs the whole hub in one process: embedded broker, bridge and web server."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            web_socket = sockets.bind(settings.BIND, settings.PORT, "PORT")
            mqtt_socket = None
            if not settings.MQTT_URL:
                mqtt_socket = sockets.bind(settings.MQTT_BIND, settings.MQTT_PORT, "MQTT_PORT")
            address = configured()
        except (sockets.PortTaken, AddressError) as error:
            raise CommandError(str(error)) from None
        call_command("migrate", verbosity=0, interactive=False)
        made = demo.prepare(settings.DATA_DIR, settings.DEMO_PASSWORD, simulated=settings.DEMO)
        if mqtt_socket is not None:
            forget_availability(now_us())
        take_terminal()
        hub = Hub(web_socket, mqtt_socket, address, banner(settings.ENV, made, address))
        hub.run()
        if hub.failure is not None:
            raise CommandError(f"the hub broke: {hub.failure!r}") from hub.failure
