"""From a uid to the model behind it: `pump-1` is a pump."""

from __future__ import annotations

import time
import zlib

from bridges.simulator.physics.climate import Climate
from bridges.simulator.physics.meter import Meter
from bridges.simulator.physics.model import Model
from bridges.simulator.physics.pump import Pump
from bridges.simulator.physics.tank import Tank
from bridges.simulator.physics.vehicle import Vehicle

KINDS: dict[str, type[Model]] = {
    "pump": Pump,
    "tank": Tank,
    "climate": Climate,
    "meter": Meter,
    "vehicle": Vehicle,
}
"""Model by the part of a uid before its first `-`."""


class UnknownKind(Exception):
    """A uid whose prefix is not a kind; the text lists the kinds."""


def kind_of(uid: str) -> type[Model]:
    """The model class for `uid`. Raises `UnknownKind`."""
    prefix = uid.partition("-")[0]
    try:
        return KINDS[prefix]
    except KeyError:
        raise UnknownKind(f"uid {uid!r} has no known kind: it must begin with one of {', '.join(KINDS)}") from None


def build(uid: str) -> Model:
    """The model for `uid`; its random course is its own, and the same at every start."""
    return kind_of(uid)(seed=zlib.crc32(uid.encode()), start_s=time.time())
