from __future__ import annotations

from django.db import models


class OutsideEvent(models.Model):
    """An event of a process outside the hub, such as a `manage.py` command; see `channel.outside_events`."""

    at = models.BigIntegerField(help_text="microseconds")
    message = models.BinaryField(help_text="the message of the channel layer, as msgpack")

    def __str__(self) -> str:
        return f"event {self.pk}"
