from __future__ import annotations

from django.db import models

from devices.registry.models import Device
from devices.values import Availability


class AvailabilityChange(models.Model):
    """A device's availability changed. While it flaps, one row stands for `count` changes and shows the newest."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="availability_changes", db_index=False)
    status = models.CharField(max_length=8, choices=[(a.value, a.value) for a in Availability])
    at = models.BigIntegerField(help_text="microseconds")
    count = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["device", "-at"], name="availability_of_device")]

    def __str__(self) -> str:
        return f"{self.device_id} {self.status} at {self.at}"
