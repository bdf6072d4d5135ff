"""What a source would store of messages, without storing anything. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bridges.sources.convention import Convention, Encoded, Finding, Heard, Message, Publish, Rejected
from bridges.sources.conventions import make
from devices.errors import Refusal
from devices.values import Attributes, Report, StatusReport, Telemetry, now_us

MAX_SHOWN = 100
"""Values, and devices, of one message that are shown."""
NOTHING = "nothing in it is stored: no rule fits its topic, or it has no values"


def try_mapping(definition: Mapping[str, Any], topic: str, payload: bytes, prefix: str = "") -> dict[str, Any]:
    """What would be stored of one message by a mapping. Raises `Invalid` for a definition that cannot work."""
    return try_messages(make("mapping", prefix, definition), [Message(topic, payload, now_us())])[0]


def try_messages(convention: Convention, messages: Iterable[Message]) -> list[dict[str, Any]]:
    """For each message `{"topic", "problem", "devices", "publishes"}`; times are in milliseconds.

    A device is `{"address", "name", "via", "values": [{"metric", "value", "time"}], "attributes", "availability",
    "problems"}`.
    """
    return [_tried(convention, message) for message in messages]


def _tried(convention: Convention, message: Message) -> dict[str, Any]:
    try:
        findings = list(convention.hear(message))
    except Refusal as refusal:
        return _shown(message, refusal.message, [])
    lost = next((one.refusal.message for one in findings if isinstance(one, Rejected) and not one.address), "")
    return _shown(message, lost or ("" if findings else NOTHING), findings)


def _shown(message: Message, problem: str, findings: list[Finding]) -> dict[str, Any]:
    devices: dict[str, dict[str, Any]] = {}
    for one in findings:
        if isinstance(one, (Heard, Rejected)) and one.address and len(devices) < MAX_SHOWN:
            _add(devices.setdefault(one.address, _device(one.address)), one)
    publishes = [
        {"topic": one.topic, "payload": one.payload.decode(errors="replace")}
        for one in findings
        if isinstance(one, Publish)
    ]
    return {"topic": message.topic, "problem": problem, "devices": list(devices.values()), "publishes": publishes}


def _device(address: str) -> dict[str, Any]:
    return {
        "address": address,
        "name": "",
        "via": "",
        "values": [],
        "attributes": {},
        "availability": "",
        "problems": [],
    }


def _add(device: dict[str, Any], one: Heard | Rejected) -> None:
    if isinstance(one, Rejected):
        device["problems"].append(one.refusal.message)
        return
    device["name"], device["via"] = one.name or device["name"], one.via or device["via"]
    report = one.report.fallback if isinstance(one.report, Encoded) else one.report
    if report is not None:
        _add_report(device, report)


def _add_report(device: dict[str, Any], report: Report) -> None:
    if isinstance(report, StatusReport):
        device["availability"] = str(report.availability)
    elif isinstance(report, Attributes):
        device["attributes"] |= dict(list(report.facts.items())[:MAX_SHOWN])
    elif isinstance(report, Telemetry):
        room = MAX_SHOWN - len(device["values"])
        for sample in report.samples[:room]:
            time = None if sample.time is None else sample.time // 1000
            device["values"].append({"metric": sample.metric, "value": sample.value, "time": time})
        device["problems"] += [refusal.message for refusal, _ in report.skipped or ()]
