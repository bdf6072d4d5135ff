"""Messages of many devices over HTTP, with the one login of their gateway."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from bridges.codec.compression import decompress
from bridges.codec.json_reading import MAX_PAYLOAD
from bridges.ingest.delivery import Delivery
from bridges.ingest.direct import ingest_all, refuse_now
from bridges.rest.auth import DeviceCredentials, device_of
from bridges.rest.errors import Problem
from bridges.rest.telemetry import SkippedValue, body_of, skipped_values
from bridges.sources.convention import Encoded, Heard, Rejected
from bridges.sources.decoders.pool import pool
from bridges.sources.gateway_formats import Format, findings
from bridges.sources.reports import delivery_kind
from devices.access import device_may_touch
from devices.errors import NotFound, Refusal, SkippedValues
from devices.registry import decoders
from devices.registry.sources.keys import key_of
from devices.runtime import database
from devices.values import is_uid, now_us

router = Router(tags=["ingest"])

MAX_CHILDREN = 1_000
"""Devices in one request."""


class StoredOfChild(BaseModel):
    """The fields after `stored` are present if something of the device could not be stored."""

    stored: int = Field(description="readings that were stored")
    refused: int = Field(0, description="messages, values and items that were not stored")
    reason: str = Field("", description="why the first of them was not stored")
    message: str = Field("", description="the same in words")
    skipped: list[SkippedValue] = Field([], description="the first values by key and reason")


class StoredOfGateway(BaseModel):
    stored: int = Field(description="readings that were stored, of all devices")
    children: dict[str, StoredOfChild] = Field(description="by the uid of each device")


def _body(description: str, content: dict[str, Any]) -> dict[str, Any]:
    text = f"{description} At most 128 KiB. `Content-Encoding` may be gzip."
    return {"requestBody": {"required": True, "description": text, "content": content}}


@router.post(
    "/{uid}/telemetry",
    auth=DeviceCredentials(),
    response={200: StoredOfGateway, (400, 401, 404, 413, 415, 422, 429, 503): Problem},
    openapi_extra=_body(
        "Telemetry, or a list of it, by the uid of each device.",
        {
            "application/json": {
                "schema": {"type": "object", "additionalProperties": {"type": ["object", "array"]}},
                "examples": {"two devices": {"value": {"soil-3": {"moisture": 41.5}, "soil-4": [{"moisture": 38}]}}},
            }
        },
    ),
    exclude_unset=True,
)
async def store_telemetry_of_children(request: HttpRequest, uid: str) -> dict[str, Any]:
    """Stores telemetry of the devices that the gateway speaks for, before it answers.

    A device that does not exist is created. What is refused of one device does not keep the others from being stored.
    """
    received_at, payload = now_us(), await _payload(request, uid)
    try:
        parts = _parts(payload)
    except Refusal as refusal:
        await refuse_now(Delivery(uid, "telemetry", payload, received_at), refusal)
        raise
    deliveries = [_of_part(uid, child, part, received_at) for child, part in parts.items()]
    return await _stored(uid, len(payload), deliveries)


@router.post(
    "/{uid}/{format}",
    auth=DeviceCredentials(),
    response={200: StoredOfGateway | list[None], (400, 401, 404, 413, 415, 422, 429, 503): Problem},
    openapi_extra=_body(
        "What the webhook, app or agent sends.", {"application/json": {"schema": {}}, "text/plain": {"schema": {}}}
    ),
    exclude_unset=True,
)
async def store_format_of_children(request: HttpRequest, uid: str, format: Format) -> Any:
    """Stores what another program sends: a webhook of The Things Stack or ChirpStack, the app OwnTracks, Telegraf with
    JSON or with InfluxDB line protocol.

    The uid of each device is made from its address in that program. OwnTracks gets an empty list as the answer.
    """
    received_at, payload = now_us(), await _payload(request, uid)
    try:
        found = await asyncio.to_thread(findings, format, payload, received_at)
    except Refusal as refusal:
        await refuse_now(Delivery(uid, "telemetry", payload, received_at), refusal)
        raise
    deliveries = []
    for one in found:
        if (delivery := _of_finding(uid, one, payload, received_at)) is None:
            continue
        if isinstance(one, Heard) and isinstance(one.report, Encoded):
            await _decode(delivery, device_of(request).space_id, one.report)
        deliveries.append(delivery)
    stored = await _stored(uid, len(payload), deliveries)
    return [] if format == "owntracks" else stored


async def _decode(delivery: Delivery, space_id: int, encoded: Encoded) -> None:
    """Puts what the decoder of the device, or of its profile, makes of the bytes in the place of the fallback."""
    decoder = await database.run(decoders.of_uplink, space_id, delivery.ref, encoded.profile)
    if decoder is None:
        return
    try:
        decoded = await pool().decode(decoder, encoded.payload, encoded.f_port, encoded.at)
        delivery.payload, delivery.content = decoded.json, None
    except Refusal as refusal:
        delivery.payload, delivery.content, delivery.refusal = encoded.payload, None, refusal


async def _payload(request: HttpRequest, uid: str) -> bytes:
    """The body, decompressed. Raises `NotFound` where the login is not that of the gateway, and `Refusal`."""
    device = device_of(request)
    if not (device_may_touch(device.uid, uid) and device.is_gateway):
        raise NotFound(f"there is no gateway {uid!r}")
    body, size = body_of(request)
    try:
        if size > MAX_PAYLOAD:
            raise Refusal("payload_too_large", f"{size} bytes" if size > len(body) else "")
        return decompress(body, request.headers.get("Content-Encoding", ""))
    except Refusal as refusal:
        await refuse_now(Delivery(uid, "telemetry", body, now_us(), size=size), refusal)
        raise


def _parts(payload: bytes) -> dict[str, msgspec.Raw]:
    """The JSON of each device, which is read later as if it had come alone."""
    try:
        parts = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        raise Refusal("invalid_shape", "an object with the uid of each device is expected") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal("invalid_json") from None
    if len(parts) > MAX_CHILDREN:
        raise Refusal("too_many_children", f"{len(parts)} in one request")
    return parts


def _of_part(gateway: str, child: str, part: msgspec.Raw, at: int) -> Delivery:
    if not is_uid(child):
        refusal = Refusal("name_invalid", "not a uid: use 1 to 64 letters, digits, '_' or '-'", child)
        return Delivery(gateway, "telemetry", bytes(part), at, ref=child[:64], refusal=refusal)
    return Delivery(f"{gateway}/{child}", "telemetry", bytes(part), at, ref=child)


def _of_finding(gateway: str, one: Heard | Rejected, payload: bytes, at: int) -> Delivery | None:
    """`ref` is the child's uid; without an address it is the gateway's own fault."""
    child = key_of(one.address) if one.address else ""
    uid = f"{gateway}/{child}" if child else gateway
    if isinstance(one, Rejected):
        return Delivery(uid, one.kind, payload, at, ref=child, refusal=one.refusal)
    if isinstance(one.report, Encoded):
        return Delivery(uid, "telemetry", one.report.payload, at, ref=child, content=one.report.fallback)
    return Delivery(uid, delivery_kind(one.report), b"", at, ref=child, content=one.report) if one.report else None


async def _stored(gateway: str, size: int, deliveries: list[Delivery]) -> dict[str, Any]:
    """Stores them and reports what became of each device."""
    names = [delivery.ref for delivery in deliveries]
    outcomes = await ingest_all(gateway, size, deliveries)
    children: dict[str, dict[str, Any]] = {}
    for name, (stored, refusal, skipped) in zip(names, outcomes, strict=True):
        child = children.setdefault(name or gateway, {"stored": 0})
        child["stored"] += stored
        if refusal is not None or skipped:
            _add_refused(child, refusal, skipped)
    return {"stored": sum(child["stored"] for child in children.values()), "children": children}


def _add_refused(child: dict[str, Any], refusal: Refusal | None, skipped: SkippedValues | None) -> None:
    first = refusal or (skipped.first if skipped else None)
    child["refused"] = child.get("refused", 0) + (skipped.total if skipped else 1)
    if first is not None:
        child.setdefault("reason", first.reason)
        child.setdefault("message", first.message)
    if skipped:
        child["skipped"] = [*child.get("skipped", []), *skipped_values(skipped)]
