"""Where the devices find their broker."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


class AddressError(Exception):
    """A broker's address that cannot be used. The text leaves the address out: it may hold a password."""


@dataclass(frozen=True, slots=True)
class Broker:
    """An MQTT server. Each device brings its own credentials."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse(url: str) -> Broker:
    """`mqtt://host[:port]`, or `mqtts://` for TLS; user and password in it are passed over.

    Raises `AddressError`.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")  # what a look-up would stumble over
    except ValueError:
        raise AddressError("the broker's address has a host or a port that cannot be") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise AddressError("the broker's address must be mqtt://host[:port] or mqtts://host[:port]")
    # 0 is no port to connect to.
    return Broker(parts.hostname, port or DEFAULT_PORTS[parts.scheme], tls=parts.scheme == "mqtts")
