from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.errors import Invalid
from devices.rooms import bots
from devices.spaces.models import Space
from devices.values import Role


class Command(BaseCommand):
    help = "Creates an account for a program that posts in the rooms of a space. Prints its API token, shown only once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--space", required=True, help="slug of the space")
        parser.add_argument("--role", choices=[role.name.lower() for role in Role], default="viewer")

    def handle(self, *args: Any, name: str, space: str, role: str, **options: Any) -> None:
        known = Space.objects.filter(slug=space).first()
        if known is None:
            raise CommandError(f"there is no space {space!r}")
        try:
            token = bots.create_bot(name, known, Role[role.upper()])
        except Invalid as error:
            raise CommandError(error.message) from None
        self.stdout.write(token)
