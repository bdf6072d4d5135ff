from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from devices.errors import Invalid
from devices.management import passwords
from devices.rooms import provisioning
from devices.spaces import people
from devices.spaces.models import Space
from devices.values import Role


class Command(BaseCommand):
    help = (
        "Makes a person a member of a space, or changes their role there. A person who does not exist yet is created; "
        "their password is typed at the terminal, or generated and printed if there is none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="created if there is no such person yet")
        parser.add_argument("--space", required=True, help="slug of the space")
        parser.add_argument("--role", choices=[role.name.lower() for role in Role], default="viewer")

    def handle(self, *args: Any, username: str, space: str, role: str, **options: Any) -> None:
        known = Space.objects.filter(slug=space).first()
        if known is None:
            raise CommandError(f"there is no space {space!r}")
        password = passwords.for_new_person(username)
        try:
            with transaction.atomic():
                provisioning.set_role(known, people.get_or_create_person(username, password), Role[role.upper()])
        except Invalid as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{username} is {role} of the space {known.slug}")
        passwords.print_generated(self.stdout, password)
