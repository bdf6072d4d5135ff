"""Decoders of a space, and which devices they decode for. Rights are checked by the caller (`devices.access`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F

from devices.channel import fanout
from devices.channel.events import DecodersChanged
from devices.errors import Invalid, NotFound, TooLarge, TooMany
from devices.registry.models import Decoder, Device
from devices.spaces.models import Space
from devices.values import is_storable

MAX_SCRIPT = 256 << 10
"""Bytes of a script."""
MAX_EXAMPLES, MAX_EXAMPLES_BYTES = 200, 96 << 10
"""Test vectors of a decoder, and bytes of all of them as JSON."""
MAX_DECODERS = 200
"""Decoders of a space."""
MAX_TEXT = 120
MAX_F_PORT = 255


def of_space(space: Space) -> list[Decoder]:
    """By name, with their devices."""
    return list(space.decoders.prefetch_related("devices"))


@transaction.atomic
def create(space: Space, name: str, script: str, **others: Any) -> Decoder:
    """Raises what `change` raises, and `TooMany`."""
    if space.decoders.count() >= MAX_DECODERS:
        raise TooMany(f"a space has up to {MAX_DECODERS} decoders")
    decoder = Decoder(space=space)
    _set(decoder, name=name, script=script, **others)
    decoder.save()
    notify()
    return decoder


@transaction.atomic
def change(decoder: Decoder, **given: Any) -> None:
    """Changes `name`, `script`, `profile`, `f_port` or `examples`. Raises `Invalid` and `TooLarge`."""
    _set(decoder, **given)
    decoder.save()
    Decoder.objects.filter(pk=decoder.pk).update(revision=F("revision") + 1)
    decoder.refresh_from_db(fields=["revision"])
    notify()


@transaction.atomic
def delete(decoder: Decoder) -> None:
    """Its devices have none afterwards."""
    decoder.delete()
    notify()


@transaction.atomic
def assign(device: Device, id: int | None) -> None:
    """What the device sends is decoded by the decoder `id` of its space from now on, or as JSON. Raises `NotFound`."""
    if id is not None and not Decoder.objects.filter(pk=id, space=device.space_id).exists():
        raise NotFound(f"there is no decoder {id} in the device's space")
    device.decoder_id = id
    device.save(update_fields=["decoder"])
    notify()


@dataclass(frozen=True, slots=True)
class Assignments:
    """Which decoder is for what.

    `devices`: uid -> decoder. `profiles`: space and profile -> decoder. `revisions`: of those that are used by either.
    """

    devices: dict[str, int] = field(default_factory=dict)
    profiles: dict[tuple[int, str], int] = field(default_factory=dict)
    revisions: dict[int, int] = field(default_factory=dict)


def assignments() -> Assignments:
    """As the database has them. Of two decoders of a space for one profile, the newer one counts."""
    rows = Decoder.objects.order_by("pk").values_list("pk", "space_id", "profile", "revision")
    decoders = list(rows)
    if not decoders:
        return Assignments()
    devices = Device.objects.filter(decoder__isnull=False).order_by().values_list("uid", "decoder_id")
    return Assignments(
        {uid: id for uid, id in devices if id is not None},
        {(space, profile): id for id, space, profile, _ in decoders if profile},
        {id: revision for id, _, _, revision in decoders},
    )


def of_uplink(space_id: int, uid: str, profile: str) -> int | None:
    """The decoder of the space's device of this uid, or else the newest one of the space for this profile."""
    own = Device.objects.filter(uid=uid, space=space_id).values_list("decoder_id", flat=True).first()
    if own is not None or not profile:
        return own
    return Decoder.objects.filter(space=space_id, profile=profile).order_by("-pk").values_list("pk", flat=True).first()


def script(id: int) -> tuple[str, int, int] | None:
    """The script, its revision and its port, as they are now; `None` if the decoder was deleted."""
    return Decoder.objects.filter(pk=id).values_list("script", "revision", "f_port").first()


def check_script(script: str) -> None:
    """Raises `Invalid` or `TooLarge`. Whether it runs is for the page and the `try` request to show."""
    if not script.strip() or not is_storable(script):
        raise Invalid("script: a decoder has a script, without the NUL character")
    if len(script.encode()) > MAX_SCRIPT:
        raise TooLarge(f"script: up to {MAX_SCRIPT >> 10} KiB")


def check_examples(examples: Sequence[Any]) -> None:
    """Raises `Invalid` or `TooLarge`. Their form is that of whoever wrote them."""
    if len(examples) > MAX_EXAMPLES or len(msgspec.json.encode(examples)) > MAX_EXAMPLES_BYTES:
        raise TooLarge(f"examples: up to {MAX_EXAMPLES}, and {MAX_EXAMPLES_BYTES >> 10} KiB")
    if not all(isinstance(one, dict) for one in examples):
        raise Invalid("examples: a list of objects")
    if not is_storable(msgspec.json.encode(examples).decode().replace("\\u0000", "\0")):
        raise Invalid("examples: the NUL character cannot be stored")


def _set(decoder: Decoder, **given: Any) -> None:
    for name, value in given.items():
        match name:
            case "script":
                check_script(value)
            case "examples":
                check_examples(value)
            case "f_port":
                if not 1 <= value <= MAX_F_PORT:
                    raise Invalid(f"f_port: 1 to {MAX_F_PORT}")
            case _:
                value = _text(name, value)
        setattr(decoder, name, value)


def _text(name: str, value: str) -> str:
    text = value.strip()
    if len(text) > MAX_TEXT or not text.isprintable() or (name == "name" and not text):
        raise Invalid(f"{name}: up to {MAX_TEXT} printable characters")
    return text


def notify() -> None:
    """Whoever decodes reads the table again after the commit."""
    transaction.on_commit(lambda: fanout.publish_from_sync([DecodersChanged()]))
