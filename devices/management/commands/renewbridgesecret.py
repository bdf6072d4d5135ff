from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.errors import Invalid
from devices.registry import bridge_secrets, brokers


class Command(BaseCommand):
    help = "Renews the secret in the client ids and the group name of the bridges; restart the bridges afterwards."
    requires_system_checks = []  # they would import every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--broker", default="", metavar="NAME", help="which broker (default: all of MQTT_URL)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            brokers.check(options["broker"])
        except Invalid as error:
            raise CommandError(error.message) from None
        for name in [options["broker"]] if options["broker"] else brokers.names():
            bridge_secrets.renew(name)
            self.stdout.write(f"renewed the secret of the bridges of broker {name}: restart them")
