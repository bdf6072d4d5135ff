from __future__ import annotations

from django.db import models

from devices.spaces.models import Space
from devices.values import MAX_NAME, Availability, Clock


class Decoder(models.Model):
    """A vendor's script that turns the payloads of its devices into values."""

    space = models.ForeignKey(Space, models.CASCADE, related_name="decoders")
    name = models.CharField(max_length=120)
    script = models.TextField()
    f_port = models.PositiveSmallIntegerField(default=1, help_text="of messages whose protocol has no port")
    profile = models.CharField(
        max_length=120, default="", help_text="device profile or model it is for; empty: devices it is assigned to"
    )
    examples = models.JSONField(default=list, help_text="its test vectors, as they were given")
    revision = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Device(models.Model):
    """A machine that publishes telemetry and receives commands. `uid` is its MQTT username."""

    uid = models.CharField(max_length=64, unique=True)
    space = models.ForeignKey(Space, models.CASCADE, related_name="devices")
    name = models.CharField(max_length=120)
    secret_hash = models.CharField(max_length=160)
    attributes = models.JSONField(default=dict)
    metrics_revision = models.PositiveIntegerField(
        default=0, help_text="rises with each change of its metrics by a person, so that ingest reads them again"
    )
    availability = models.CharField(
        max_length=8, default=Availability.UNKNOWN, choices=[(a.value, a.value) for a in Availability]
    )
    availability_at = models.BigIntegerField(default=0, help_text="microseconds; 0: never heard of")
    via = models.CharField(
        max_length=255, default="", help_text="the gateway because of which it cannot be reached; empty: none"
    )
    own_availability = models.CharField(
        max_length=8, default="", help_text="its own last one, which counts again once `via` is online"
    )
    heard_at = models.BigIntegerField(default=0, help_text="microseconds; the last message, give or take some seconds")
    usual_gap_ms = models.BigIntegerField(default=0, help_text="learned: how long it usually is silent at most")
    stale_after_s = models.PositiveIntegerField(null=True, help_text="silent for longer is stale; NULL: as learned")
    clock = models.CharField(
        max_length=8,
        default=Clock.DEVICE,
        choices=[(c.value, c.value) for c in Clock],
        help_text="receipt: its own times are ignored",
    )
    time_zone = models.CharField(max_length=64, default="", help_text="of its times without an offset; empty: UTC")
    clock_offset_s = models.BigIntegerField(default=0, help_text="how far its clock is ahead; 0: it is right")
    answers = models.BooleanField(default=True, help_text="False: it never answers commands")
    broker = models.CharField(
        max_length=64, default="", help_text="name of the broker that serves it; empty: the first"
    )
    decoder = models.ForeignKey(Decoder, models.SET_NULL, null=True, related_name="devices")
    is_gateway = models.BooleanField(default=False, help_text="it may speak for other devices")
    gateway = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="children", help_text="the one that speaks for it"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "uid"]

    def __str__(self) -> str:
        return self.name


class DeviceNetwork(models.Model):
    """A network from which the device has signed in."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="+", db_index=False)
    network = models.CharField(max_length=64, help_text="address, or its /64 network for IPv6")
    at = models.BigIntegerField(help_text="microseconds; the last time, give or take a day")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "network"], name="one_network_of_a_device")]
        indexes = [
            models.Index(fields=["network", "-at"], name="devices_of_network"),
            models.Index(fields=["at"], name="device_networks_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} at {self.network}"


class BridgeSecret(models.Model):
    """Names the sessions of the bridges at a broker, so that no device can guess them: 128 bits in hexadecimal."""

    broker = models.CharField(max_length=64, help_text="name of the broker")
    secret = models.CharField(max_length=32)
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["broker"], condition=models.Q(is_current=True), name="one_current_bridge_secret"
            )
        ]

    def __str__(self) -> str:
        return f"bridge secret of {self.broker}"


class Metric(models.Model):
    """A named quantity of a device, created with its first sample.

    One that was deleted has no device any more: it stays until a job has removed its readings.
    """

    READ_AS = [("", "as it is"), ("number", "as a number"), ("boolean", "as a boolean")]

    device = models.ForeignKey(Device, models.CASCADE, related_name="metrics", null=True)
    name = models.CharField(max_length=MAX_NAME)
    read_as = models.CharField(max_length=8, default="", choices=READ_AS, help_text="how its text values are read")
    ignored = models.BooleanField(default=False, help_text="True: its values are not stored")
    raw_days = models.PositiveIntegerField(null=True, help_text="how long readings are kept; NULL: as in the space")
    minute_days = models.PositiveIntegerField(null=True, help_text="the same of its rollups of a minute")
    hour_days = models.PositiveIntegerField(null=True, help_text="the same of its rollups of an hour and of a day")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["device", "name"], name="one_metric_of_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def space(self) -> Space:
        """That of its device. Raises `ValueError` for a metric that was deleted."""
        if self.device is None:
            raise ValueError("the metric was deleted")
        return self.device.space


class MetricAlias(models.Model):
    """A name under which the device sends a metric that was renamed."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=MAX_NAME)
    metric = models.ForeignKey(Metric, models.CASCADE, related_name="aliases")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["device", "name"], name="one_metric_of_an_alias")]

    def __str__(self) -> str:
        return self.name
