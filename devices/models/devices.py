from __future__ import annotations

from django.db import models

from devices.models.spaces import Space
from devices.values import MAX_NAME, Availability


class Device(models.Model):
    """A machine that publishes telemetry and takes commands. `uid` is its MQTT username."""

    uid = models.CharField(max_length=64, unique=True)
    space = models.ForeignKey(Space, models.CASCADE, related_name="devices")
    name = models.CharField(max_length=120)
    secret_hash = models.CharField(max_length=160)
    attributes = models.JSONField(default=dict)
    availability = models.CharField(
        max_length=8, default=Availability.UNKNOWN, choices=[(a.value, a.value) for a in Availability]
    )
    availability_at = models.BigIntegerField(default=0, help_text="microseconds; 0: never heard of")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "uid"]

    def __str__(self) -> str:
        return self.name


class Metric(models.Model):
    """A named quantity of a device, made at first sight."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="metrics")
    name = models.CharField(max_length=MAX_NAME)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["device", "name"], name="one_metric_of_a_name")]

    def __str__(self) -> str:
        return self.name
