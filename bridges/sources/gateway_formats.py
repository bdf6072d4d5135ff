"""What other programs send to a gateway's address over HTTP, in their own formats. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from bridges.codec.json_reading import parse
from bridges.codec.reports import require_object
from bridges.sources.convention import Finding, Heard, Message, Rejected
from bridges.sources.conventions import chirpstack, owntracks, ttn
from bridges.sources.mapping.convention import MappedConvention

Format = Literal["ttn", "chirpstack", "owntracks", "telegraf", "influx"]
"""In the address; OwnTracks expects an empty list as the answer."""


def findings(format: Format, payload: bytes, at: int) -> list[Heard | Rejected]:
    """What a body shows of devices, by their addresses. `at`: microseconds. Raises the `Refusal` of all of it."""
    found: Iterable[Finding] = _READ[format](payload, at)
    return [one for one in found if isinstance(one, Heard | Rejected)]


def _ttn(payload: bytes, at: int) -> Iterable[Finding]:
    content = require_object(parse(payload))
    address = ttn.address_of(content)
    return ttn.uplink(address, content, at) if "uplink_message" in content else []


def _chirpstack(payload: bytes, at: int) -> Iterable[Finding]:
    """Other events than uplinks have neither values nor bytes."""
    content = require_object(parse(payload))
    address = chirpstack.address_of(content)
    return chirpstack.uplink(address, content, at) if "object" in content or "data" in content else []


def _owntracks(payload: bytes, at: int) -> Iterable[Finding]:
    content = require_object(parse(payload))
    return owntracks.reported(owntracks.address_of(content), content, at)


def _mapped(preset: str) -> Callable[[bytes, int], Iterable[Finding]]:
    """A new one for each body: it would otherwise remember which units it has reported."""

    def read(payload: bytes, at: int) -> Iterable[Finding]:
        convention = MappedConvention("", {"preset": preset})
        return convention.hear(Message(f"{convention.prefix}/http", payload, at))

    return read


_READ: dict[str, Callable[[bytes, int], Iterable[Finding]]] = {
    "ttn": _ttn,
    "chirpstack": _chirpstack,
    "owntracks": _owntracks,
    "telegraf": _mapped("telegraf"),
    "influx": _mapped("telegraf-influx"),
}
