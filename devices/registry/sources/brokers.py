"""Brokers that were added on the page. Rights are checked by the caller (`devices.access`)."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from devices.errors import Invalid
from devices.registry import brokers
from devices.registry.sources.models import OutsideBroker, Source
from devices.registry.sources.sources import announce
from devices.runtime.encryption import encrypt
from devices.spaces.models import Space
from devices.values import is_uid


def create(
    name: str,
    host: str,
    port: int,
    *,
    tls: bool = False,
    ca: str = "",
    username: str = "",
    password: str = "",
    space: Space | None = None,
) -> OutsideBroker:
    """A broker that the hub connects to from now on, where there are sources. Raises `Invalid`."""
    if not is_uid(name):
        raise Invalid(f"{name!r} is not a valid name: use 1 to 64 letters, digits, '_' or '-'")
    if name in brokers.names():
        raise Invalid(f"there is a broker {name!r} already")
    if not 1 <= port <= 65_535:
        raise Invalid("a port is from 1 to 65535")
    try:
        with transaction.atomic():
            broker = OutsideBroker.objects.create(
                name=name,
                host=host,
                port=port,
                tls=tls,
                ca=ca,
                username=username,
                password=encrypt(password),
                space=space,
            )
    except IntegrityError:
        raise Invalid(f"there is a broker {name!r} already") from None
    announce()
    return broker


def delete(broker: OutsideBroker) -> None:
    """Raises `Invalid` while there are sources at it."""
    if Source.objects.filter(broker=broker.name).exists():
        raise Invalid("delete its sources first")
    broker.delete()
    announce()


def named(name: str) -> OutsideBroker | None:
    return OutsideBroker.objects.filter(name=name).first()
