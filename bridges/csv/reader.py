"""Readings from a CSV file: `time,metric,value`, or a column a metric: `time,temperature,humidity`.

Separated by commas, semicolons (then a comma may be the decimal point) or tabs. Whatever is in the file, each value
of it is a sample or has a named refusal.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bridges.codec.times import FUTURE_US
from bridges.codec.values import check_name
from bridges.csv.cells import read_text, read_time, read_value
from bridges.csv.records import Record, Records
from devices.errors import Refusal
from devices.values import Sample

SEPARATORS = ",;\t"
TIME_NAMES = {"time", "timestamp", "ts", "datetime"}
"""What a column of times may be called, in letters of either case."""
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Entry:
    """What one value of the file came to, and the record that it stands in; `line` counts from 1."""

    line: int
    text: str
    found: Sample | Refusal


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first line says. `metrics` by column; empty for the long form, which names them in each line."""

    separator: str
    width: int
    time: int
    metrics: dict[int, str]
    metric: int = -1
    value: int = -1


def read(file: BinaryIO, received_at: int) -> Iterator[Entry]:
    """All values of the file. The first line is read at once: raises the `Refusal` of a file without a usable one."""
    records = Records(file)
    remaining = iter(records)
    layout = _layout(remaining)
    return (entry for record in remaining if record.content for entry in _entries(records, record, layout, received_at))


def _layout(records: Iterator[Record]) -> Layout:
    record = next((record for record in records if record.content), None)
    if record is None:
        raise Refusal("empty_payload")
    if record.content.startswith(_WIDE_BOMS):
        raise Refusal("invalid_encoding")
    if record.broken:
        raise Refusal(record.broken, "line 1")
    text = _text(record.content.removeprefix(_BOM))
    layouts = [found for separator in SEPARATORS if (found := _layout_with(separator, text))]
    if not layouts:
        raise Refusal("invalid_header", ascii(text[:100]))
    layout = max(layouts, key=lambda found: found.width)
    for name in layout.metrics.values():
        check_name(name)
    if len(set(layout.metrics.values())) != len(layout.metrics):
        raise Refusal("duplicate_key", "two columns have one name")
    return layout


def _layout_with(separator: str, text: str) -> Layout | None:
    try:
        names = [cell.strip() for cell in _split(text, separator)]
    except Refusal:
        return None
    lower = [name.lower() for name in names]
    times = [i for i, name in enumerate(lower) if name in TIME_NAMES]
    if not times or len(names) < 2:
        return None
    if len(names) == 3 and {"metric", "value"} <= set(lower):
        return Layout(separator, 3, times[0], {}, lower.index("metric"), lower.index("value"))
    metrics = {i: read_text(name) for i, name in enumerate(names) if i != times[0]}
    return Layout(separator, len(names), times[0], metrics)


def _entries(records: Records, record: Record, layout: Layout, received_at: int) -> Iterator[Entry]:
    content = record.content
    try:
        if record.broken:
            raise Refusal(record.broken)
        try:
            cells = _cells(content, layout)
        except Refusal:
            content = records.retake()
            raise
        time = _time(cells[layout.time], received_at)
    except Refusal as refusal:
        yield Entry(record.line, _shown(content), refusal)
        return
    columns = layout.metrics or {layout.value: read_text(cells[layout.metric])}
    for column, metric in columns.items():
        found = _sample(metric, cells[column], time, layout)
        if found is not None:
            yield Entry(record.line, _shown(content), found)


def _cells(content: bytes, layout: Layout) -> list[str]:
    cells = _split(_text(content), layout.separator)
    if len(cells) != layout.width:
        raise Refusal("wrong_columns", f"{len(cells)} instead of {layout.width}")
    return cells


def _sample(metric: str, cell: str, time: int, layout: Layout) -> Sample | Refusal | None:
    """`None` for a cell that is empty: no value."""
    try:
        check_name(metric)
        value = read_value(cell, decimal_comma=layout.separator == ";")
    except Refusal as refusal:
        if layout.metrics:  # several columns: which of them?
            return Refusal(refusal.reason, f"{refusal.detail} in the column {metric!a}".lstrip())
        return refusal
    return None if value is None else Sample(metric, value, time)


def _time(cell: str, received_at: int) -> int:
    time = read_time(cell)
    if time > received_at + FUTURE_US:
        raise Refusal("time_in_future", ascii(cell[:64]))
    return time


def _shown(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace")


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Refusal("invalid_utf8", f"at byte {error.start} of the line") from None


def _split(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        raise Refusal("invalid_csv") from None
