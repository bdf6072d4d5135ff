"""Readings from a CSV file: `time,metric,value`, or a column per metric: `time,temperature,humidity`.

The separator is a comma, a tab, or a semicolon, in which case a comma may be the decimal point. Whatever the file
holds, each of its values becomes a sample or a named refusal.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bridges.codec.times import FUTURE_US
from bridges.codec.values import check_name
from bridges.csv.cells import read_text, read_time, read_value
from bridges.csv.records import Record, RecordReader
from devices.errors import Refusal
from devices.values import Sample

SEPARATORS = ",;\t"
TIME_NAMES = {"time", "timestamp", "ts", "datetime"}
"""Names of the column of times, in upper or lower case."""
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class ParsedCell:
    """The result of one value of the file, and the text of its record; `line` counts from 1."""

    line: int
    record: str
    result: Sample | Refusal


@dataclass(frozen=True, slots=True)
class Header:
    """The meaning of the columns. `metrics` by column; empty for the long form, whose lines name their metric."""

    separator: str
    width: int
    time: int
    metrics: dict[int, str]
    metric: int = -1
    value: int = -1


def read(file: BinaryIO, received_at: int) -> Iterator[ParsedCell]:
    """All values of the file. `received_at` is in microseconds: later times, but for five minutes, are refused.

    The first line is read at once: raises the `Refusal` of a file without a usable one.
    """
    records = RecordReader(file)
    remaining = iter(records)
    header = _header(remaining)
    return (cell for record in remaining if record.content for cell in _cells(records, record, header, received_at))


def _header(records: Iterator[Record]) -> Header:
    record = next((record for record in records if record.content), None)
    if record is None:
        raise Refusal("empty_payload")
    if record.content.startswith(_WIDE_BOMS):
        raise Refusal("invalid_encoding")
    if record.broken:
        raise Refusal(record.broken, "line 1")
    text = _decoded(record.content.removeprefix(_BOM))
    headers = [found for separator in SEPARATORS if (found := _header_with(separator, text))]
    if not headers:
        raise Refusal("invalid_header", ascii(text[:100]))
    header = max(headers, key=lambda found: found.width)
    for name in header.metrics.values():
        check_name(name)
    if len(set(header.metrics.values())) != len(header.metrics):
        raise Refusal("duplicate_key", "two columns have one name")
    return header


def _header_with(separator: str, text: str) -> Header | None:
    try:
        names = [cell.strip() for cell in _split(text, separator)]
    except Refusal:
        return None
    lower = [name.lower() for name in names]
    times = [i for i, name in enumerate(lower) if name in TIME_NAMES]
    if not times or len(names) < 2:
        return None
    if len(names) == 3 and {"metric", "value"} <= set(lower):
        return Header(separator, 3, times[0], {}, lower.index("metric"), lower.index("value"))
    metrics = {i: read_text(name) for i, name in enumerate(names) if i != times[0]}
    return Header(separator, len(names), times[0], metrics)


def _cells(records: RecordReader, record: Record, header: Header, received_at: int) -> Iterator[ParsedCell]:
    content = record.content
    try:
        if record.broken:
            raise Refusal(record.broken)
        try:
            texts = _texts(content, header)
        except Refusal:
            content = records.split_last()
            raise
        time = _time(texts[header.time], received_at)
    except Refusal as refusal:
        yield ParsedCell(record.line, _printable(content), refusal)
        return
    columns = header.metrics or {header.value: read_text(texts[header.metric])}
    for column, metric in columns.items():
        result = _sample(metric, texts[column], time, header)
        if result is not None:
            yield ParsedCell(record.line, _printable(content), result)


def _texts(content: bytes, header: Header) -> list[str]:
    texts = _split(_decoded(content), header.separator)
    if len(texts) != header.width:
        raise Refusal("wrong_columns", f"{len(texts)} instead of {header.width}")
    return texts


def _sample(metric: str, cell: str, time: int, header: Header) -> Sample | Refusal | None:
    """`None` for an empty cell, which holds no value."""
    try:
        check_name(metric)
        value = read_value(cell, decimal_comma=header.separator == ";")
    except Refusal as refusal:
        if header.metrics:  # the line has several columns, so the refusal names the one at fault
            return Refusal(refusal.reason, f"{refusal.detail} in the column {metric!a}".lstrip())
        return refusal
    return None if value is None else Sample(metric, value, time)


def _time(cell: str, received_at: int) -> int:
    time = read_time(cell)
    if time > received_at + FUTURE_US:
        raise Refusal("time_in_future", ascii(cell[:64]))
    return time


def _printable(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace")


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Refusal("invalid_utf8", f"at byte {error.start} of the line") from None


def _split(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        raise Refusal("invalid_csv") from None
