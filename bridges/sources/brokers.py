"""The addresses of brokers with sources: those of `MQTT_URL`, and those that were added on the page."""

from __future__ import annotations

from django.conf import settings

from bridges.mqtt import brokers as configured_brokers
from bridges.mqtt.address import AddressError, BrokerAddress
from devices.errors import Invalid
from devices.registry import brokers
from devices.registry.sources import brokers as outside_brokers
from devices.registry.sources.models import OutsideBroker
from devices.runtime.encryption import decrypt


def is_embedded(name: str) -> bool:
    """Whether it is the broker in the hub's own process, which needs no connection."""
    return not settings.BROKERS and name == brokers.first()


def has_accounts(name: str) -> bool:
    """Whether the hub decides there who may sign in: at the embedded broker, and at those of `MQTT_URL`, whose accounts
    it exports."""
    return name in brokers.names()


def check(name: str) -> None:
    """Raises `Invalid` if there is no broker of this name."""
    if not has_accounts(name) and outside_brokers.named(name) is None:
        raise Invalid(f"there is no broker {name!r}")


def usable(name: str) -> BrokerAddress:
    """The broker of this name, with its credentials. Raises `AddressError`."""
    if name in settings.BROKERS:
        return configured_brokers.usable(name)
    outside = outside_brokers.named(name)
    if outside is None:
        raise AddressError(f"there is no broker {name!r}")
    return address_of(outside)


def address_of(broker: OutsideBroker) -> BrokerAddress:
    """Raises `AddressError`."""
    try:
        password = decrypt(broker.password)
    except Invalid as error:
        raise AddressError(f"the password of broker {broker.name}: {error.message}") from None
    return BrokerAddress(
        broker.host, broker.port, broker.username or None, password or None, tls=broker.tls, ca_text=broker.ca
    )
