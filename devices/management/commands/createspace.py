from __future__ import annotations

import secrets
import sys
from getpass import getpass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from devices.errors import Invalid
from devices.services import spaces


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
        known = get_user_model().objects.filter(username=manager).first()
        password = "" if known else _ask(manager) if sys.stdin.isatty() else secrets.token_urlsafe(12)
        try:
            with transaction.atomic():
                space = spaces.create(slug, name, known or spaces.create_person(manager, password))
        except Invalid as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{manager} manages the space {space.slug}")
        if password and not sys.stdin.isatty():
            self.stdout.write(f"password: {password}")


def _ask(username: str) -> str:
    password = getpass(f"Password of {username}: ")
    try:
        validate_password(password)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    if getpass("Again: ") != password:
        raise CommandError("the two passwords differ")
    return password
