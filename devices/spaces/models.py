from __future__ import annotations

from django.conf import settings
from django.db import models

from devices.values import Role


class Space(models.Model):
    """Devices, dashboards and rooms that share members."""

    slug = models.SlugField(unique=True, max_length=64)
    name = models.CharField(max_length=120)
    raw_days = models.PositiveIntegerField(default=90, help_text="how long readings are kept; 0: for ever")
    minute_days = models.PositiveIntegerField(default=400, help_text="how long rollups of a minute are kept")
    hour_days = models.PositiveIntegerField(default=0, help_text="how long rollups of an hour and of a day are kept")
    removed_until = models.BigIntegerField(
        default=0, help_text="microseconds; up to when SPACE_READING_QUOTA has had readings removed; 0: never"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """A person's membership of a space, with a role."""

    ROLES = [(role.value, role.name.title()) for role in Role]

    space = models.ForeignKey(Space, models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=ROLES)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["space", "user"], name="one_membership")]

    def __str__(self) -> str:
        return f"{self.user} in {self.space}"


class ApiToken(models.Model):
    """A token with which a program acts as a person. Only its hash is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    hash = models.CharField(max_length=64, unique=True)
    secret_hash = models.CharField(
        max_length=200, default="", blank=True, help_text="for Mosquitto's password file; empty for older tokens"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"token of {self.user}"


class FailedSignIn(models.Model):
    """A password that was wrong, or is being checked: `devices.spaces.passwords`. Rows live for an hour."""

    account = models.CharField(max_length=150, help_text="username as typed, whether there is such an account or not")
    network = models.CharField(max_length=64, help_text="address, or its /64 network for IPv6")
    at = models.BigIntegerField(help_text="microseconds")

    class Meta:
        indexes = [
            models.Index(fields=["account", "at"], name="failed_sign_ins_of_account"),
            models.Index(fields=["network", "at"], name="failed_sign_ins_of_network"),
            models.Index(fields=["at"], name="failed_sign_ins_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.account} from {self.network}"


class KnownNetwork(models.Model):
    """A network from which the person has signed in."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    network = models.CharField(max_length=64)
    at = models.BigIntegerField(help_text="microseconds; the last time")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "network"], name="one_known_network")]
        indexes = [models.Index(fields=["at"], name="known_networks_by_time")]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.network}"
