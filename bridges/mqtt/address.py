"""Where a broker is."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from django.conf import settings

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


class AddressError(Exception):
    """A broker's address that cannot be used. The text leaves the address out: it may hold a password."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """An MQTT server, and how to sign in there."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    @classmethod
    def from_url(cls, url: str) -> BrokerAddress:
        """`mqtt://[user:password@]host[:port]`, or `mqtts://` for TLS. Raises `AddressError`."""
        try:
            parts = urlsplit(url)
            port = parts.port
            (parts.hostname or "").encode("idna")  # what a look-up would stumble over
        except ValueError:
            raise AddressError("the broker's address has a host or a port that cannot be") from None
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            raise AddressError("the broker's address must be mqtt://host[:port] or mqtts://host[:port]")
        return cls(
            host=parts.hostname,
            port=port or DEFAULT_PORTS[parts.scheme],  # 0 is no port to connect to
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=parts.scheme == "mqtts",
        )

    def __str__(self) -> str:
        """Without the credentials: this goes into logs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def configured() -> BrokerAddress:
    """The broker of `MQTT_URL`, else the embedded one as programs on this machine reach it. Raises `AddressError`."""
    if settings.MQTT_URL:
        return BrokerAddress.from_url(settings.MQTT_URL)
    everywhere = settings.MQTT_BIND in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return BrokerAddress("127.0.0.1" if everywhere else settings.MQTT_BIND, settings.MQTT_PORT)
