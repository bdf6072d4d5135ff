"""Where a device finds the broker and the HTTP API, as the person in front of the page would type it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from devices.registry import brokers


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    host: str
    port: int
    tls: bool = False


def broker_address(request: HttpRequest, assigned: str = "") -> BrokerAddress:
    """Where a device with this `broker` connects: as `MQTT_PUBLIC_URL` or `MQTT_URL` says, else to the embedded one
    on this host.

    Only host, port and scheme of `MQTT_URL` are taken: it may hold the bridge's own password.
    """
    name = brokers.of(assigned)
    if found := settings.PUBLIC_BROKERS.get(name) or settings.BROKERS.get(name):
        url = urlsplit(found)
        tls = url.scheme == "mqtts"
        return BrokerAddress(url.hostname or "localhost", url.port or (8883 if tls else 1883), tls)
    return BrokerAddress(urlsplit(f"//{request.get_host()}").hostname or "localhost", settings.MQTT_PORT)


def base_url(request: HttpRequest) -> str:
    """Scheme and host of this hub, without a trailing slash."""
    return request.build_absolute_uri("/").rstrip("/")
