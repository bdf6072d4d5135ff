from __future__ import annotations

from django.conf import settings
from django.db import models

from devices.log.models import Room


class ReadMark(models.Model):
    """How far a person has read a room: up to `seq`, by which the room had `chats` chat messages."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    room = models.ForeignKey(Room, models.CASCADE, related_name="+")
    seq = models.BigIntegerField(default=0)
    chats = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "room"], name="one_read_mark")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.room_id} up to {self.seq}"


class Webhook(models.Model):
    """A secret address at which programs post into the room, under the webhook's name. Only the hash is kept.

    It belongs to the room and outlives the membership of the person who made it.
    """

    room = models.ForeignKey(Room, models.CASCADE, related_name="webhooks")
    name = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        # The log and the rate limit identify a webhook by its name.
        constraints = [models.UniqueConstraint(fields=["room", "name"], name="one_webhook_of_a_name")]

    def __str__(self) -> str:
        return self.name
