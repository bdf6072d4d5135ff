"""Stored readings as lines of a CSV file: `time,metric,value`."""

from __future__ import annotations

from collections.abc import Iterable

from bridges.csv.cells import TimeFormatter, write_stored, write_text
from devices.telemetry.export import ExportRow

HEADER = b"time,metric,value\n"


def lines(metric: str, rows: Iterable[ExportRow]) -> bytes:
    """The lines of the readings of one metric, in UTF-8."""
    times, name = TimeFormatter(), write_text(metric)
    return "".join(f"{times.text(time)},{name},{write_stored(number, text)}\n" for time, number, text in rows).encode()
