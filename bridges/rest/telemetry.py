"""Telemetry over HTTP: the payload of MQTT, sent with the device's own credentials."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from bridges.codec.compression import decompress
from bridges.codec.json_reading import MAX_PAYLOAD
from bridges.ingest.batches import BatchResult
from bridges.ingest.delivery import Delivery
from bridges.ingest.direct import ingest_now, record_skipped, refuse_now
from bridges.rest.auth import DeviceCredentials, device_of
from bridges.rest.errors import Problem
from bridges.sources.decoders.pool import pool
from devices.access import device_may_touch
from devices.errors import NotFound, Refusal, SkippedValues
from devices.refusals.store import START_BYTES
from devices.values import now_us

router = Router(tags=["ingest"])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": 'Values by name, or {"ts": time, "values": {…}}, or a list of these. At most 128 KiB.'
        " `Content-Encoding` may be gzip.",
        "content": {
            "application/json": {
                "schema": {"type": ["object", "array"]},
                "examples": {
                    "now": {"value": {"temperature": 21.5, "on": True}},
                    "at a time": {"value": {"ts": 1767225600000, "values": {"temperature": 21.5}}},
                },
            }
        },
    }
}


class SkippedValue(BaseModel):
    key: str = Field(description="path of the value, or number of the item in the list")
    reason: str
    message: str = Field(description="the reason in words")
    count: int


class Stored(BaseModel):
    """The fields after `stored` are present if something of the message could not be stored."""

    stored: int = Field(description="readings that were stored")
    refused: int = Field(0, description="values and items that were not stored")
    reason: str = Field("", description="why the first of them was not stored")
    message: str = Field("", description="the same in words")
    skipped: list[SkippedValue] = Field([], description="the first of them by key and reason")


@router.post(
    "/{uid}/telemetry",
    auth=DeviceCredentials(),
    response={200: Stored, (400, 401, 404, 413, 415, 422, 429, 503): Problem},
    openapi_extra=_BODY,
    exclude_unset=True,
)
async def store_telemetry(
    request: HttpRequest,
    uid: str,
    f_port: Annotated[int | None, Query(alias="fPort", ge=1, le=255, description="for the device's decoder")] = None,
) -> dict[str, Any]:
    """Stores telemetry of the device and sends it to viewers before it answers.

    The body for a device with a decoder is whatever its script decodes.
    """
    received_at = now_us()
    if not device_may_touch(device_of(request).uid, uid):
        raise NotFound(f"there is no device {uid!r}")
    body, size = body_of(request)
    try:
        payload = _payload(body, size, request.headers.get("Content-Encoding", ""))
    except Refusal as refusal:
        await refuse_now(Delivery(uid, "telemetry", body, received_at, size=size), refusal)
        raise
    delivery = Delivery(uid, "telemetry", payload, received_at)
    if (decoder := device_of(request).decoder_id) is not None:
        await _decode(delivery, decoder, f_port)
    result = await ingest_now(delivery)
    return {"stored": result.readings, **_refused(result)}


async def _decode(delivery: Delivery, decoder: int, f_port: int | None) -> None:
    """Puts what the device's decoder makes of the payload in its place. Raises `Refusal`, which has been recorded."""
    try:
        decoded = await pool().decode(decoder, delivery.payload, f_port, delivery.received_at)
    except Refusal as refusal:
        await refuse_now(delivery, refusal)
        raise
    if decoded.warnings:
        await record_skipped(delivery, decoded.warnings)
    delivery.payload = decoded.json


def _refused(result: BatchResult) -> dict[str, Any]:
    skipped = result.skipped.get(0)
    if not skipped:
        return {}
    return {
        "refused": skipped.total,
        "reason": skipped.first.reason,
        "message": skipped.first.message,
        "skipped": skipped_values(skipped),
    }


def skipped_values(skipped: SkippedValues) -> list[dict[str, Any]]:
    """In the form of `SkippedValue`."""
    return [{"key": one.key, "reason": one.reason, "message": one.message, "count": count} for one, count in skipped]


def body_of(request: HttpRequest) -> tuple[bytes, int]:
    """The body and its size. One that is too large is read in part, because it need not announce its length."""
    announced = request.META.get("CONTENT_LENGTH") or "0"
    size = int(announced) if announced.isdigit() else 0
    body: bytes = request.read(START_BYTES if size > MAX_PAYLOAD else MAX_PAYLOAD + 1)
    return body, max(size, len(body))


def _payload(body: bytes, size: int, encoding: str) -> bytes:
    if size > MAX_PAYLOAD:
        raise Refusal("payload_too_large", f"{size} bytes" if size > len(body) else "")
    return decompress(body, encoding)
