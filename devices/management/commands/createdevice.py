from __future__ import annotations

from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from devices.errors import Invalid
from devices.rooms import provisioning
from devices.spaces.models import Space


class Command(BaseCommand):
    help = 'Creates devices. Prints one line {"uid": …, "secret": …} for each; the secret is shown only once.'
    requires_system_checks = []  # they would import every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("uid", nargs="+")
        parser.add_argument("--space", required=True, help="slug of the space that the devices belong to")
        parser.add_argument("--name", default="", help="display name (only with a single uid)")
        parser.add_argument("--broker", default="", help="which broker of MQTT_URL serves them (default: the first)")

        parser.add_argument("--gateway", action="store_true", help="they may speak for other devices of the space")

    def handle(self, *args: Any, **options: Any) -> None:
        space = Space.objects.filter(slug=options["space"]).first()
        if space is None:
            raise CommandError(f"there is no space {options['space']!r}")
        if options["name"] and len(options["uid"]) > 1:
            raise CommandError("--name can only be used with a single uid")
        try:
            with transaction.atomic():  # all or none: half a list would have to be completed by hand
                created = [
                    provisioning.create_device(
                        uid, space, options["name"], options["broker"], is_gateway=options["gateway"]
                    )
                    for uid in options["uid"]
                ]
        except Invalid as error:
            raise CommandError(error.message) from None
        for device, secret in created:
            self.stdout.write(msgspec.json.encode({"uid": device.uid, "secret": secret}).decode())
