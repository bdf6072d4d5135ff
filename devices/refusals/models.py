from __future__ import annotations

from django.db import models

from devices.errors import MAX_KEY
from devices.registry.models import Device

MAX_START = 800
"""Characters of 200 bytes, each of which is escaped as up to four."""
MAX_DETAIL = 200
"""Characters."""


class StoredRefusal(models.Model):
    """Messages of a device that were refused for the same reason shortly after each other, or values of its messages.

    `detail`, `start` and `size` describe the newest of them.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="refusals", db_index=False)
    reason = models.CharField(max_length=32, help_text="key of devices.errors.REFUSALS")
    kind = models.CharField(max_length=16, help_text="telemetry, status, attributes or answer")
    key = models.CharField(
        max_length=MAX_KEY, default="", help_text="of the value, if the rest was stored; or the topic"
    )
    detail = models.CharField(max_length=MAX_DETAIL)
    start = models.CharField(max_length=MAX_START, help_text="first bytes of the payload, unprintable ones escaped")
    size = models.PositiveIntegerField(help_text="bytes of the whole payload")
    count = models.PositiveBigIntegerField()
    first_at = models.BigIntegerField(help_text="microseconds; receipt of the first of them")
    at = models.BigIntegerField(help_text="microseconds; receipt of the newest of them")

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["device", "-at"], name="refusals_of_device")]

    def __str__(self) -> str:
        return f"{self.count} × {self.reason} of {self.device_id}"
