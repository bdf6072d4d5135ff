from __future__ import annotations

from django.db import models

from devices.registry.models import Device
from devices.spaces.models import Space
from devices.values import Availability

MAX_ADDRESS = 255
MAX_KEY = 64


class OutsideBroker(models.Model):
    """A broker that an administrator added on the page, beside those of `MQTT_URL`."""

    name = models.SlugField(max_length=64, unique=True)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField()
    tls = models.BooleanField(default=False)
    ca = models.TextField(default="", help_text="PEM, the authorities to trust; empty: the system's")
    username = models.CharField(max_length=255, default="")
    password = models.TextField(default="", help_text="encrypted with the hub's key")
    space = models.ForeignKey(
        Space, models.CASCADE, null=True, related_name="+", help_text="whose managers may use it; NULL: administrators"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Source(models.Model):
    """A convention that devices speak at a broker, below a prefix; its devices belong to the space."""

    space = models.ForeignKey(Space, models.CASCADE, related_name="sources")
    broker = models.CharField(max_length=64, help_text="name of the broker")
    convention = models.CharField(max_length=32)
    prefix = models.CharField(max_length=200, default="")
    adopt = models.BooleanField(default=False, help_text="new devices are added by themselves")
    options = models.JSONField(default=dict, help_text="what the convention needs beside the prefix")
    is_connected = models.BooleanField(default=False, help_text="a bridge is listening to it")
    state = models.CharField(max_length=400, default="", help_text="why no bridge is listening to it")
    problem = models.CharField(max_length=400, default="", help_text="what could not be read last, of no device")
    problem_at = models.BigIntegerField(default=0, help_text="microseconds")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["convention", "id"]
        constraints = [
            models.UniqueConstraint(fields=["broker", "convention", "prefix"], name="one_source_of_a_prefix")
        ]

    def __str__(self) -> str:
        return f"{self.convention} at {self.broker}"


class SourceLogin(models.Model):
    """A login with which devices of a source, or their bridge, sign in at the embedded broker."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="logins")
    username = models.CharField(max_length=64, unique=True)
    secret_hash = models.CharField(max_length=160)
    label = models.CharField(max_length=120, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.username


class DeviceAddress(models.Model):
    """The address by which a device is known in its convention, beside its uid.

    It outlives its source, for a later one of the same convention and space.
    """

    source = models.ForeignKey(Source, models.SET_NULL, null=True, related_name="addresses")
    convention = models.CharField(max_length=32)
    address = models.CharField(max_length=MAX_ADDRESS)
    device = models.ForeignKey(Device, models.CASCADE, related_name="addresses")
    name = models.CharField(max_length=120, default="", help_text="what its convention last called it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "address"], name="one_device_of_an_address")]

    def __str__(self) -> str:
        return self.address


class FoundDevice(models.Model):
    """A device that was heard at a source and has not been added. Times are in microseconds."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="found", db_index=False)
    address = models.CharField(max_length=MAX_ADDRESS)
    key = models.CharField(max_length=MAX_KEY, help_text="the address in a form that a URL can hold")
    name = models.CharField(max_length=120, default="")
    via = models.CharField(max_length=MAX_ADDRESS, default="", help_text="address of its bridge or gateway")
    latest = models.JSONField(default=dict, help_text="its newest values by name")
    attributes = models.JSONField(default=dict)
    availability = models.CharField(max_length=8, default=Availability.UNKNOWN)
    problem = models.CharField(max_length=400, default="", help_text="what could not be read of it last")
    ignored = models.BooleanField(default=False)
    first_at = models.BigIntegerField()
    at = models.BigIntegerField()

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "address"], name="found_once"),
            models.UniqueConstraint(fields=["source", "key"], name="one_found_device_of_a_key"),
        ]

    def __str__(self) -> str:
        return self.address
