from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from devices.errors import Invalid
from devices.management import passwords
from devices.rooms import provisioning
from devices.spaces import people


class Command(BaseCommand):
    help = (
        "Makes a space and its first manager, who is asked for a password; without a terminal one is made and printed."
    )
    requires_system_checks = []  # they load every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--name", default="", help="name for people (default: the slug)")
        parser.add_argument("--manager", required=True, metavar="USERNAME", help="made if there is no such person yet")

    def handle(self, *args: Any, slug: str, name: str, manager: str, **options: Any) -> None:
        password = passwords.of_new(manager)
        try:
            with transaction.atomic():
                space = provisioning.create_space(slug, name, people.known_or_new(manager, password))
        except Invalid as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{manager} manages the space {space.slug}")
        passwords.show(self.stdout, password)
