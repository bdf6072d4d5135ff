"""What a message shows, in a form that a table of examples can state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bridges.sources.convention import Convention, Encoded, Finding, Gone, Heard, Message, Publish, Rejected
from devices.values import Answer, Attributes, StatusReport, Telemetry

AT = 1_796_040_000_000_000


def heard(convention: Convention, topic: str, payload: str | bytes, *, retained: bool = False) -> list[tuple[Any, ...]]:
    """`(address, what)` for each finding: values, `status`, facts, or the reason of a refusal."""
    data = payload if isinstance(payload, bytes) else payload.encode()
    return described(convention.hear(Message(topic, data, AT, retained)))


def described(findings: Iterable[Finding]) -> list[tuple[Any, ...]]:
    return [_described(one) for one in findings]


def _described(finding: Finding) -> tuple[Any, ...]:
    match finding:
        case Publish():
            return "publish", finding.topic, finding.payload
        case Gone():
            return finding.address, "gone"
        case Rejected():
            return finding.address, "rejected", finding.refusal.reason
        case Heard(address, report, name, via):
            about = {key: text for key, text in (("name", name), ("via", via)) if text}
            return (address, *_content(report), *([about] if about else []))


def _content(report: object) -> tuple[Any, ...]:
    match report:
        case None:
            return ()
        case Telemetry():
            times = {sample.time for sample in report.samples} - {None}
            values = {sample.metric: sample.value for sample in report.samples}
            return (values, *times)
        case StatusReport():
            return (str(report.availability), *(["via", report.via] if report.via else []))
        case Attributes():
            return ("facts", dict(report.facts))
        case Answer():
            return ("answer", report.command_id, report.ok, report.error or report.result)
        case Encoded():
            return ("encoded", report.payload, report.f_port)
    raise TypeError(report)
