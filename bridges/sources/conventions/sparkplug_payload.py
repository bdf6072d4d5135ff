"""Payloads of Sparkplug B: protobuf with values whose type only the birth of a device names. Pure.

The descriptor has the field numbers of chapter 6 of the specification, version 3.0.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from devices.errors import Invalid, Refusal
from devices.values import Value

_Field = descriptor_pb2.FieldDescriptorProto
_OPTIONAL, _REPEATED = _Field.LABEL_OPTIONAL, _Field.LABEL_REPEATED

# (number, name, type, is one of the value's forms)
_VALUES = [
    (10, "int_value", _Field.TYPE_UINT32),
    (11, "long_value", _Field.TYPE_UINT64),
    (12, "float_value", _Field.TYPE_FLOAT),
    (13, "double_value", _Field.TYPE_DOUBLE),
    (14, "boolean_value", _Field.TYPE_BOOL),
    (15, "string_value", _Field.TYPE_STRING),
    (16, "bytes_value", _Field.TYPE_BYTES),
    (17, "dataset_value", _Field.TYPE_BYTES),
    (18, "template_value", _Field.TYPE_BYTES),
]
_METRIC = [
    (1, "name", _Field.TYPE_STRING),
    (2, "alias", _Field.TYPE_UINT64),
    (3, "timestamp", _Field.TYPE_UINT64),
    (4, "datatype", _Field.TYPE_UINT32),
    (5, "is_historical", _Field.TYPE_BOOL),
    (6, "is_transient", _Field.TYPE_BOOL),
    (7, "is_null", _Field.TYPE_BOOL),
]
_PROPERTY = [
    (1, "type", _Field.TYPE_UINT32),
    (2, "is_null", _Field.TYPE_BOOL),
    (7, "boolean_value", _Field.TYPE_BOOL),
    (8, "string_value", _Field.TYPE_STRING),
]
_PAYLOAD = [(1, "timestamp", _Field.TYPE_UINT64), (3, "seq", _Field.TYPE_UINT64)]


def _payload_class() -> type[Message]:
    file = descriptor_pb2.FileDescriptorProto(name="hubbub_sparkplug.proto", package="sparkplug", syntax="proto2")
    described = file.message_type.add(name="PropertyValue")
    for number, name, kind in _PROPERTY:
        described.field.add(number=number, name=name, type=kind, label=_OPTIONAL)
    properties = file.message_type.add(name="PropertySet")
    properties.field.add(number=1, name="keys", type=_Field.TYPE_STRING, label=_REPEATED)
    _add(properties, 2, "values", "PropertyValue", _REPEATED)
    metric = file.message_type.add(name="Metric")
    for number, name, kind in _METRIC:
        metric.field.add(number=number, name=name, type=kind, label=_OPTIONAL)
    _add(metric, 9, "properties", "PropertySet", _OPTIONAL)
    metric.oneof_decl.add(name="value")
    for number, name, kind in _VALUES:
        metric.field.add(number=number, name=name, type=kind, label=_OPTIONAL, oneof_index=0)
    payload = file.message_type.add(name="Payload")
    for number, name, kind in _PAYLOAD:
        payload.field.add(number=number, name=name, type=kind, label=_OPTIONAL)
    _add(payload, 2, "metrics", "Metric", _REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sparkplug.Payload"))


def _add(
    message: descriptor_pb2.DescriptorProto,
    number: int,
    name: str,
    of: str,
    label: descriptor_pb2.FieldDescriptorProto.Label.ValueType,
) -> None:
    message.field.add(number=number, name=name, type=_Field.TYPE_MESSAGE, type_name=f".sparkplug.{of}", label=label)


Payload: Any = _payload_class()
"""Typed only at run time: its fields are those of the tables above."""

SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Datatype -> bits. Signed integers travel in unsigned fields."""
UNSIGNED = {5: 8, 6: 16, 7: 32, 8: 64}
FLOAT, DOUBLE, BOOLEAN, STRING, DATE_TIME = 9, 10, 11, 12, 13
TEXTS = (STRING, 14, 15)
_ARRAYS = {22: "b", 23: "h", 24: "i", 25: "q", 26: "B", 27: "H", 28: "I", 29: "Q", 30: "f", 31: "d", 34: "q"}
_NAMES = {16: "a DataSet", 17: "Bytes", 18: "a File", 19: "a Template", 32: "a BooleanArray", 33: "a StringArray"}


def read(payload: bytes) -> Any:
    """Raises `Refusal`."""
    found = Payload()
    try:
        found.ParseFromString(payload)
    except (DecodeError, UnicodeDecodeError):
        raise Refusal("not_readable", "it is not a payload of Sparkplug B") from None
    return found


def value_of(metric: Any, datatype: int) -> Value | list[Value] | None:
    """`None`: the metric has no value. Raises the `Refusal` of a type that is not one value."""
    form = metric.WhichOneof("value")
    if metric.is_null or form is None:
        return None
    if form in ("dataset_value", "template_value") or datatype in _NAMES:
        kind = (
            "a DataSet" if form == "dataset_value" else "a Template" if form == "template_value" else _NAMES[datatype]
        )
        raise Refusal("invalid_shape", f"{kind} is not a value")
    value = getattr(metric, form)
    if datatype in _ARRAYS and form == "bytes_value":
        return _array(value, _ARRAYS[datatype])
    if form == "bytes_value":
        raise Refusal("invalid_shape", "Bytes are not a value")
    if datatype in SIGNED and isinstance(value, int):
        return _signed(value, SIGNED[datatype])
    if form == "float_value":
        return _shortest(value)
    result: Value = bool(value) if datatype == BOOLEAN and value in (0, 1) else value
    return result


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _shortest(value: float) -> float:
    """21.6 as a 32-bit float would read 21.600000381469727."""
    short = float(f"{value:.7g}")
    try:
        return short if struct.pack("f", short) == struct.pack("f", value) else value
    except OverflowError:
        return value


def _array(data: bytes, code: str) -> list[Value]:
    try:
        found = [each[0] for each in struct.iter_unpack(f"<{code}", data)]
    except struct.error:
        raise Refusal("not_readable", "the array is cut off") from None
    return [_shortest(each) for each in found] if code == "f" else found


def properties_of(metric: Any) -> dict[str, Value]:
    found = metric.properties
    known: dict[str, Value] = {}
    for key, value in zip(found.keys, found.values, strict=False):
        for form in ("string_value", "boolean_value"):
            if value.HasField(form):
                known[key] = getattr(value, form)
    return known


def set_value(metric: Any, name: str, datatype: int, value: Any) -> None:
    """Raises `Invalid` for a value that the metric `name` cannot have."""
    metric.datatype = datatype
    bits = SIGNED.get(datatype) or UNSIGNED.get(datatype)
    if bits:
        number = _integer(name, value, bits, is_signed=datatype in SIGNED)
        width = 64 if bits == 64 else 32
        setattr(metric, "long_value" if width == 64 else "int_value", number & ((1 << width) - 1))
    elif datatype in (FLOAT, DOUBLE):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise Invalid(f"{name} is a number")
        setattr(metric, "float_value" if datatype == FLOAT else "double_value", value)
    elif datatype == BOOLEAN:
        if not isinstance(value, bool):
            raise Invalid(f"{name} is true or false")
        metric.boolean_value = value
    elif datatype in TEXTS:
        metric.string_value = value if isinstance(value, str) else str(value)
    elif datatype == DATE_TIME:
        metric.long_value = _integer(name, value, 64, is_signed=False)
    else:
        raise Invalid(f"{name} has a type that cannot be set")


def _integer(name: str, value: Any, bits: int, *, is_signed: bool) -> int:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Invalid(f"{name} is a whole number from {low} to {high}")
    return value


def encoded(metrics: Mapping[str, tuple[int | None, int, Any]], at_ms: int) -> bytes:
    """A command: name -> alias, datatype, value. Raises `Invalid`."""
    payload = Payload()
    if at_ms:
        payload.timestamp = at_ms
    for name, (alias, datatype, value) in metrics.items():
        metric = payload.metrics.add()
        if alias is None:
            metric.name = name
        else:
            metric.alias = alias
        set_value(metric, name, datatype, value)
    data: bytes = payload.SerializeToString()
    return data
