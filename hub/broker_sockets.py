"""Where the embedded broker listens: `MQTT_PORT`, and `MQTT_TLS_PORT` if there is a certificate."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from django.conf import settings

from bridges.broker import TlsListener
from hub import sockets
from hub.mqtt_tls import Certificate


@dataclass(frozen=True, slots=True)
class BrokerSockets:
    plain: socket.socket
    tls: TlsListener | None = None
    certificate: Certificate | None = None


def bind() -> BrokerSockets:
    """Raises `PortTaken` and `CertificateUnusable`."""
    certificate = None
    if settings.MQTT_TLS_CERT or settings.MQTT_TLS_KEY:
        certificate = Certificate(settings.MQTT_TLS_CERT, settings.MQTT_TLS_KEY)
    plain = sockets.bind(settings.MQTT_BIND, settings.MQTT_PORT, "MQTT_PORT")
    if certificate is None:
        return BrokerSockets(plain)
    encrypted = sockets.bind(settings.MQTT_BIND, settings.MQTT_TLS_PORT, "MQTT_TLS_PORT")
    return BrokerSockets(plain, TlsListener(encrypted, certificate.context), certificate)
