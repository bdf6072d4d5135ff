from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from devices.registry.models import Device
from devices.spaces.models import Space
from devices.values import Availability, MessageKind, Origin

MAX_KEY = 64
"""Characters of a client's key for a message."""


class Room(models.Model):
    """One ordered log. It belongs to a device, to a space (and then has a name of its own), or to two people.

    `seq` is that of the newest entry; `chats` counts the entries that are chat messages.
    """

    space = models.ForeignKey(Space, models.CASCADE, null=True, related_name="rooms")
    device = models.OneToOneField(Device, models.CASCADE, null=True, related_name="room")
    name = models.CharField(max_length=120, default="")
    first = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    second = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    seq = models.BigIntegerField(default=0)
    chats = models.BigIntegerField(default=0)
    active_at = models.BigIntegerField(default=0, help_text="microseconds; when somebody last said something")
    availability = models.CharField(
        max_length=8,
        default="",
        choices=[(a.value, a.value) for a in Availability],
        help_text="of the device, as the log shows it",
    )

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["space", "name"], condition=Q(device=None), name="one_room_of_a_name"),
            # The lower id comes first, so that two people have one conversation, whoever begins it.
            models.UniqueConstraint(fields=["first", "second"], name="one_conversation"),
            models.CheckConstraint(
                condition=Q(space__isnull=False, first=None, second=None)
                | Q(space=None, device=None, first__lt=F("second")),
                name="room_of_a_space_or_of_two",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"room {self.pk}"

    @property
    def is_private(self) -> bool:
        """Whether it is a conversation of two people."""
        return self.space_id is None

    def other(self, user_id: int) -> int | None:
        """Id of the other person of this conversation."""
        return self.second_id if self.first_id == user_id else self.first_id


class Message(models.Model):
    """One entry of a room's log. The `seq`s of a room have no gaps.

    `by` is the author's name at that time: a username, a device's uid, a webhook's name. `of` is the `seq` of an
    earlier entry: the command that this one answers, or the message that it edits or removes. An edited message holds
    its newest text; the `edit` entry holds the text before, in `data["before"]`, which only `revisions` shows.
    """

    room = models.ForeignKey(Room, models.CASCADE, related_name="messages", db_index=False)
    seq = models.BigIntegerField()
    at = models.BigIntegerField(help_text="microseconds")
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in MessageKind])
    origin = models.CharField(max_length=6, choices=[(origin.value, origin.value) for origin in Origin])
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    by = models.CharField(max_length=150, default="")
    text = models.TextField(default="")
    folded = models.TextField(default="", help_text="the text as search compares it")
    data: Any = models.JSONField(default=dict)
    key = models.CharField(max_length=MAX_KEY, null=True)  # noqa: DJ001 - NULL: sent without one
    of = models.BigIntegerField(null=True)
    edited_at = models.BigIntegerField(null=True, help_text="microseconds")
    removed_at = models.BigIntegerField(null=True, help_text="microseconds")

    class Meta:
        ordering = ["room_id", "seq"]  # not "room", which is ordered by its name
        constraints = [
            models.UniqueConstraint(fields=["room", "seq"], name="one_message_of_a_seq"),
            models.UniqueConstraint(
                fields=["room", "author", "key"], condition=Q(key__isnull=False), name="one_message_of_a_key"
            ),
        ]
        indexes = [
            models.Index(fields=["author", "-at"], name="messages_of_author"),
            models.Index(fields=["room", "by", "-at"], condition=Q(origin="bot"), name="messages_of_bots"),
            # With `seq`, or SQLite would read the whole room in its order.
            models.Index(fields=["room", "of", "seq"], condition=Q(of__isnull=False), name="messages_of_another"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq} in {self.room_id}"


class Attachment(models.Model):
    """A file sent with a message. `width` and `height` are set for images that browsers may show."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="attachments")
    file = models.FileField(upload_to="rooms/%Y/%m", max_length=200)
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(help_text="bytes")
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return self.name


class Mention(models.Model):
    """A person is mentioned in a message."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="mentions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    room = models.ForeignKey(Room, models.CASCADE, related_name="+", db_index=False)
    seq = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "room", "seq"], name="one_mention")]
        indexes = [models.Index(fields=["room"], name="mentions_of_room")]  # what goes with a room is found by it

    def __str__(self) -> str:
        return f"{self.user_id} in {self.room_id}"


class Block(models.Model):
    """`by` has blocked `person`: the two cannot write to each other."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["by", "person"], name="one_block")]

    def __str__(self) -> str:
        return f"{self.by_id} blocks {self.person_id}"


class Bot(models.Model):
    """Marks an account as that of a program."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="bot")

    def __str__(self) -> str:
        return str(self.user)
