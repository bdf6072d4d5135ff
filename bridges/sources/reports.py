"""Reports of conventions as the pipeline takes them."""

from __future__ import annotations

import msgspec

from devices.values import Answer, Attributes, Report, StatusReport, Telemetry


def delivery_kind(report: Report) -> str:
    """The kind of message that this would be from a device that uses the hub's own topics."""
    match report:
        case Telemetry():
            return "telemetry"
        case StatusReport():
            return "status"
        case Attributes():
            return "attributes"
        case Answer():
            return "answer"


def without_repeats(report: Report | None) -> Report | None:
    """What a repeated message may change: state and availability, and readings with a time of their own, whose key
    absorbs the repeat. Others would be stored anew with each subscription."""
    if not isinstance(report, Telemetry):
        return report
    timed = tuple(sample for sample in report.samples if sample.time is not None)
    return msgspec.structs.replace(report, samples=timed, repeated=True) if timed else None
