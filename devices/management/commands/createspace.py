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
        "Creates a space and its first manager. The password of a new manager is typed at the terminal, or generated "
        "and printed if there is none."
    )
    requires_system_checks = []  # they would import every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--name", default="", help="display name (default: the slug)")
        parser.add_argument(
            "--manager", required=True, metavar="USERNAME", help="created if there is no such person yet"
        )

    def handle(self, *args: Any, slug: str, name: str, manager: str, **options: Any) -> None:
        password = passwords.for_new_person(manager)
        try:
            with transaction.atomic():
                space = provisioning.create_space(slug, name, people.get_or_create_person(manager, password))
        except Invalid as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{manager} manages the space {space.slug}")
        passwords.print_generated(self.stdout, password)
