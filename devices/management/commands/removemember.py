from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.errors import Invalid
from devices.rooms.models import Webhook
from devices.spaces import members
from devices.spaces.models import Space


class Command(BaseCommand):
    help = (
        "Ends a person's membership of a space. Their account stays, and so do the webhooks that they created there, "
        "which are listed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--space", required=True, help="slug of the space")

    def handle(self, *args: Any, username: str, space: str, **options: Any) -> None:
        known = Space.objects.filter(slug=space).first()
        if known is None:
            raise CommandError(f"there is no space {space!r}")
        person = get_user_model().objects.filter(username=username, memberships__space=known).first()
        if person is None:
            raise CommandError(f"{username!r} is not a member of the space {known.slug}")
        try:
            members.remove(known, person)
        except Invalid as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{username} is no longer a member of the space {known.slug}")
        for webhook in Webhook.objects.filter(room__space=known, created_by=person.pk).select_related("room__device"):
            room = webhook.room.device.name if webhook.room.device else webhook.room.name
            self.stdout.write(f"still active: the webhook {webhook.name} of the room {room}")
