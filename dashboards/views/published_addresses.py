"""The addresses of the broker and of the HTTP API as a page shows them, for a person to type or paste."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from devices.registry import brokers


@dataclass(frozen=True, slots=True)
class PublishedAddress:
    """An address at which devices reach a broker."""

    host: str
    port: int
    tls: bool = False


def broker_address(request: HttpRequest, assigned: str = "") -> PublishedAddress:
    """The address for a device assigned to the broker `assigned`: from `MQTT_PUBLIC_URL` or `MQTT_URL`, or else of the
    embedded broker on this host.

    Only host, port and scheme of `MQTT_URL` are used, because it may hold the bridge's password.
    """
    name = brokers.serving(assigned)
    if found := settings.PUBLIC_BROKERS.get(name) or settings.BROKERS.get(name):
        url = urlsplit(found)
        tls = url.scheme == "mqtts"
        return PublishedAddress(url.hostname or "localhost", url.port or (8883 if tls else 1883), tls)
    return PublishedAddress(urlsplit(f"//{request.get_host()}").hostname or "localhost", settings.MQTT_PORT)


def base_url(request: HttpRequest) -> str:
    """Scheme and host of this hub, without a trailing slash."""
    return request.build_absolute_uri("/").rstrip("/")
