"""The brokers of `MQTT_URL`, else the embedded one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from django.conf import settings

from bridges.mqtt.address import AddressError, BrokerAddress
from devices.registry import brokers

T = TypeVar("T")


def configured() -> dict[str, BrokerAddress]:
    """Name -> address, in the order of `MQTT_URL`; the embedded one's as programs on this machine reach it.

    Raises `AddressError`, which names `MQTT_URL` and the broker.
    """
    if not settings.BROKERS:
        everywhere = settings.MQTT_BIND in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if everywhere else settings.MQTT_BIND
        return {brokers.first(): BrokerAddress(host, settings.MQTT_PORT)}
    return {name: _with_name(name, BrokerAddress.from_url, url) for name, url in settings.BROKERS.items()}


def first() -> BrokerAddress:
    """The broker of devices that are not assigned to one. Raises `AddressError`."""
    return configured()[brokers.first()]


def published() -> BrokerAddress:
    """Where devices reach the first broker: `MQTT_PUBLIC_URL`, or else where the hub does. Raises `AddressError`."""
    name = brokers.first()
    if url := settings.PUBLIC_BROKERS.get(name):
        return BrokerAddress.from_url(url)
    return first()


def behind_websocket() -> tuple[BrokerAddress, bool]:
    """Where clients of MQTT over WebSocket are led to, and whether it is a listener for devices.

    That is `MQTT_WEBSOCKET_URL`, or else the first broker of `MQTT_URL`, which may be a listener for bridges. The
    address has no credentials and no certificate of ours: a broker may take the certificate for the bridge's login.
    Raises `AddressError`.
    """
    url = settings.MQTT_WEBSOCKET_URL
    try:
        found = BrokerAddress.from_url(url) if url else first()
    except AddressError as error:
        raise AddressError(f"MQTT_WEBSOCKET_URL: {error}" if url else str(error)) from None
    return replace(found, username=None, password=None, password_file=None, cert=None, key=None), bool(url)


def usable(name: str) -> BrokerAddress:
    """The broker of this name, with the files that its address names read. Raises `AddressError`."""
    return _with_name(name, BrokerAddress.with_secrets, configured()[name])


def choose(name: str | None) -> str:
    """The broker that an operator named; the name may be left out where there is only one. Raises `AddressError`."""
    known = brokers.names()
    if name is None and len(known) > 1:
        raise AddressError(f"MQTT_URL names several brokers: choose one with --broker, of {', '.join(known)}")
    if name is not None and name not in known:
        raise AddressError(f"MQTT_URL names no broker {name!r}, but {', '.join(known)}")
    return name or known[0]


def _with_name(name: str, make: Callable[[T], BrokerAddress], given: T) -> BrokerAddress:
    try:
        return make(given)
    except AddressError as error:
        which = f", broker {name}" if len(settings.BROKERS) > 1 else ""
        raise AddressError(f"MQTT_URL{which}: {error}") from None
