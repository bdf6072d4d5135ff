from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from bridges.sources import adding, brokers
from bridges.sources.conventions import CONVENTIONS
from devices.errors import HubbubError
from devices.registry.sources import sources
from devices.spaces.models import Space


class Command(BaseCommand):
    help = (
        "Adds a source: devices that speak a convention at a broker. Prints one line "
        '{"id": …, "username": …, "secret": …}: the login that these devices, or their gateway, may use at the '
        "embedded broker. The secret is shown only once."
    )
    requires_system_checks = []  # they would import every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("convention", choices=sorted(CONVENTIONS))
        parser.add_argument("--space", required=True, help="slug of the space that its devices belong to")
        parser.add_argument("--prefix", default="", help="the first levels of its topics (default: the convention's)")
        parser.add_argument("--broker", default="", help="name of the broker (default: the first)")
        parser.add_argument(
            "--options", type=_object, default={}, help='a JSON object, such as a mapping or {"preset": "wled"}'
        )
        parser.add_argument("--adopt", action="store_true", help="add new devices without asking")

    def handle(self, *args: Any, **options: Any) -> None:
        space = Space.objects.filter(slug=options["space"]).first()
        if space is None:
            raise CommandError(f"there is no space {options['space']!r}")
        try:
            with transaction.atomic():
                source = adding.add(
                    space,
                    options["broker"],
                    options["convention"],
                    options["prefix"],
                    adopt=options["adopt"],
                    options=options["options"],
                )
                printed: dict[str, Any] = {"id": source.pk}
                if brokers.has_accounts(source.broker):
                    login, secret = sources.create_login(source)
                    printed |= {"username": login.username, "secret": secret}
        except HubbubError as error:
            raise CommandError(error.message) from None
        self.stdout.write(msgspec.json.encode(printed).decode())


def _object(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ArgumentTypeError(f"not a JSON object: {error}") from None
