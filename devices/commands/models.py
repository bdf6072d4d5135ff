from __future__ import annotations

from django.conf import settings
from django.db import models

from devices.registry.models import Device
from devices.values import MAX_NAME, CommandStatus


class Command(models.Model):
    """A person's command to a device. The row is the truth; events only prompt others to look at it."""

    id = models.CharField(primary_key=True, max_length=32)
    device = models.ForeignKey(Device, models.CASCADE, related_name="commands")
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=MAX_NAME)
    args = models.JSONField(default=dict)
    status = models.CharField(
        max_length=16, default=CommandStatus.QUEUED, choices=[(s.value, s.value) for s in CommandStatus]
    )
    result = models.JSONField(null=True)
    error = models.CharField(max_length=1024, default="")
    issued_at = models.BigIntegerField(help_text="microseconds")
    expires_at = models.BigIntegerField(help_text="microseconds; without an answer by then it has timed out")
    sent_at = models.BigIntegerField(null=True, help_text="microseconds; when the broker was given it")
    changed_at = models.BigIntegerField(help_text="microseconds")
    late = models.BooleanField(default=False, help_text="the answer came after the command had ended without one")
    seq = models.BigIntegerField(null=True, help_text="of its message in the device's room")

    class Meta:
        ordering = ["-issued_at"]
        indexes = [
            models.Index(fields=["status", "expires_at"], name="open_commands"),
            models.Index(fields=["device", "-issued_at"], name="commands_of_device"),
            models.Index(fields=["device", "status"], name="commands_of_device_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.name} for {self.device_id}"
