"""The secrets that name the sessions of bridges at their brokers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction

from devices.registry.models import BridgeSecret

_BYTES = 16
MAX_RETIRED = 8
"""Earlier secrets that are kept for each broker, so that its bridges find the sessions that they left there."""


@dataclass(frozen=True, slots=True)
class BridgeSecrets:
    """The secret of a broker's bridges, and the earlier ones, the newest first."""

    current: str = field(repr=False)
    retired: tuple[str, ...] = field(default=(), repr=False)


def of(broker: str) -> BridgeSecrets:
    """The secrets for the broker of this name; the first time, they are created."""
    return _existing(broker) or _create(broker)


def renew(broker: str) -> None:
    """Replaces the secret. Bridges use the new one after their next start."""
    with transaction.atomic():
        BridgeSecret.objects.filter(broker=broker, is_current=True).update(is_current=False)
        BridgeSecret.objects.create(broker=broker, secret=secrets.token_hex(_BYTES))
        kept = _retired(broker)[:MAX_RETIRED]
        BridgeSecret.objects.filter(broker=broker, is_current=False).exclude(secret__in=kept).delete()


def _existing(broker: str) -> BridgeSecrets | None:
    current = BridgeSecret.objects.filter(broker=broker, is_current=True).first()
    return BridgeSecrets(current.secret, tuple(_retired(broker))) if current else None


def _create(broker: str) -> BridgeSecrets:
    made = secrets.token_hex(_BYTES)
    try:
        with transaction.atomic():
            BridgeSecret.objects.create(broker=broker, secret=made)
    except IntegrityError:  # another bridge that started at the same time was first
        existing = _existing(broker)
        if existing is None:
            raise
        return existing
    return BridgeSecrets(made)


def _retired(broker: str) -> list[str]:
    earlier = BridgeSecret.objects.filter(broker=broker, is_current=False).order_by("-id")
    return list(earlier.values_list("secret", flat=True))
