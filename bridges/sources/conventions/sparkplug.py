"""Sparkplug B, version 3.0. https://sparkplug.eclipse.org/specification/"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from bridges.codec.flattening import MAX_ELEMENTS
from bridges.codec.reports import attributes_of, status_of
from bridges.codec.times import FUTURE_US
from bridges.codec.values import check_name, check_value
from bridges.sources.convention import Convention, Finding, Heard, Message, Publish, Rejected
from bridges.sources.conventions.sparkplug_payload import BOOLEAN, encoded, properties_of, read, value_of
from devices.commands.args import by_metric
from devices.errors import Invalid, Refusal, SkippedValues
from devices.values import CLOCK_SET_US, Sample, Telemetry

MAX_NODES = 1_000
"""Nodes of a source; the one heard longest ago is forgotten, and asked for its birth when it is heard again."""
MAX_DEVICES = 1_000
"""Devices of a node."""
MAX_METRICS = 10_000
"""Metrics of a node or device that have a name and type from its birth."""
ASK_AGAIN_US = 5 * 60 * 1_000_000
"""A node that was asked for its birth and did not send it is asked again after this time."""

REBIRTH = "Node Control/Rebirth"
_UNIT_KEYS = ("engUnit", "Engineering Units", "EngUnit", "unit")
_WAITING = "the names of its metrics are not known until the node's next birth, which it was asked for"


@dataclass(slots=True)
class _Metric:
    name: str
    datatype: int
    alias: int | None


@dataclass(slots=True)
class _Birth:
    """What the birth of a node or device names. Empty until there was one."""

    by_name: dict[str, _Metric] = field(default_factory=dict)
    by_alias: dict[int, _Metric] = field(default_factory=dict)


@dataclass(slots=True)
class _Node:
    birth: _Birth | None = None
    devices: dict[str, _Birth | None] = field(default_factory=dict)
    bd_seq: int | None = None
    seq: int = 0
    asked_at: int | None = None
    """When it was asked for its birth, if it has not sent it yet."""


class SparkplugB(Convention):
    """`spBv1.0/<group>/<type>/<node>[/<device>]`. Addresses are `<group>/<node>` and `<group>/<node>/<device>`.

    Options: `host`, the name of the hub as a host application.
    """

    default_prefix: ClassVar[str] = "spBv1.0"

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(prefix, options)
        self._nodes: dict[str, _Node] = {}
        self._at = 0
        self._host = self.options.get("host", "hubbub")
        if not isinstance(self._host, str) or not self._host or set(self._host) & set("+/#\0"):
            raise Invalid("host is a name without +, / and #")

    def filters(self) -> Collection[str]:
        kinds = ("NBIRTH/+", "NDATA/+", "NDEATH/+", "DBIRTH/+/+", "DDATA/+/+", "DDEATH/+/+")
        return [f"{self.prefix}/+/{kind}" for kind in kinds]

    def command_filters(self) -> Collection[str]:
        return [f"{self.prefix}/+/NCMD/+", f"{self.prefix}/+/DCMD/+/+", f"{self.prefix}/STATE/{self._host}"]

    def greeting(self) -> Sequence[Publish]:
        return [self._state(True)]

    def farewell(self) -> Publish:
        return self._state(False)

    def hear(self, message: Message) -> Iterable[Finding]:
        self._at = message.at
        match message.topic.removeprefix(f"{self.prefix}/").split("/"):
            case [group, "NBIRTH" | "NDATA" | "NDEATH" as kind, node]:
                return self._of_node(f"{group}/{node}", kind, message)
            case [group, "DBIRTH" | "DDATA" | "DDEATH" as kind, node, device]:
                return self._of_device(f"{group}/{node}", device, kind, message)
        return []

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        """`set` changes metrics of the birth; `rebirth` asks the node for its birth."""
        levels = address.split("/")
        node = self._nodes.get("/".join(levels[:2]))
        if name == "rebirth":
            return [self._rebirth("/".join(levels[:2]))]
        if name != "set" or not args:
            raise Invalid("a device of Sparkplug B has the commands set, with metrics, and rebirth")
        birth = None if node is None else node.birth if len(levels) == 2 else node.devices.get(levels[2])
        if birth is None:
            raise Invalid("the device's birth has not been received yet, and its types are not known without it")
        metrics = {name: _settable(birth, name, value) for name, value in by_metric(dict(args)).items()}
        kind = f"NCMD/{levels[1]}" if len(levels) == 2 else f"DCMD/{levels[1]}/{levels[2]}"
        return [Publish(f"{self.prefix}/{levels[0]}/{kind}", encoded(metrics, self._at_ms), qos=0)]

    @property
    def _at_ms(self) -> int:
        """The time of the last message, which commands have too."""
        return max(self._at, self.started_at) // 1000

    def _state(self, online: bool) -> Publish:
        payload = msgspec.json.encode({"online": online, "timestamp": self.started_at // 1000})
        return Publish(f"{self.prefix}/STATE/{self._host}", payload, qos=1, retain=True)

    def _of_node(self, address: str, kind: str, message: Message) -> Iterator[Finding]:
        payload = read(message.payload)
        if kind == "NDEATH":
            yield from self._node_died(address, payload, message)
            return
        node = self._node(address)
        if kind == "NBIRTH":
            node.birth = _birth(payload)
            node.devices = dict.fromkeys(node.devices)
            node.bd_seq, node.seq, node.asked_at = _bd_seq(payload), payload.seq % 256, None
            yield Heard(address, status_of(True, message.at))
            for device in node.devices:
                yield Heard(f"{address}/{device}", status_of(True, message.at, via=address), via=address)
            yield from _born(address, "", payload, node.birth, message)
        elif (asking := self._in_order(address, node, node.birth, payload, message)) is not None:
            yield from asking
            yield Rejected(address, Refusal("birth_missing", _WAITING))
        elif node.birth is not None:
            yield from self._values(address, address, "", payload, node, node.birth, message)

    def _of_device(self, node_address: str, device: str, kind: str, message: Message) -> Iterator[Finding]:
        payload = read(message.payload)
        node, address = self._node(node_address), f"{node_address}/{device}"
        is_birth = kind == "DBIRTH"
        if device not in node.devices and len(node.devices) >= MAX_DEVICES:
            raise Refusal("too_many_values", f"a node has up to {MAX_DEVICES} devices", message.topic)
        birth = _birth(payload) if is_birth or kind == "DDEATH" else node.devices.get(device)
        asking = self._in_order(node_address, node, birth, payload, message)
        if is_birth:  # it names its own metrics, even if another message was lost
            node.devices[device] = birth
            yield Heard(address, status_of(True, message.at, via=node_address), via=node_address)
            yield Heard(address, status_of(True, message.at), via=node_address)
            yield from _born(address, node_address, payload, _birth(payload), message)
            yield from asking or ()
            return
        node.devices.setdefault(device, None)
        if kind == "DDEATH":
            node.devices[device] = None
            yield Heard(address, status_of(False, message.at), via=node_address)
            yield from asking or ()
        elif asking is not None:
            yield from asking
            yield Rejected(address, Refusal("birth_missing", _WAITING))
        elif birth is not None:
            yield from self._values(node_address, address, node_address, payload, node, birth, message)

    def _node_died(self, address: str, payload: Any, message: Message) -> Iterator[Finding]:
        node = self._nodes.get(address)
        if node is not None and node.bd_seq is not None and _bd_seq(payload) != node.bd_seq:
            return  # the will of an earlier connection
        yield Heard(address, status_of(False, message.at))
        if node is not None:
            for device in node.devices:
                yield Heard(f"{address}/{device}", status_of(False, message.at, via=address), via=address)
            node.birth, node.devices = None, dict.fromkeys(node.devices)
            node.asked_at = None

    def _node(self, address: str) -> _Node:
        node = self._nodes.pop(address, None) or _Node()
        while len(self._nodes) >= MAX_NODES:
            self._nodes.pop(next(iter(self._nodes)))
        self._nodes[address] = node
        return node

    def _in_order(
        self, address: str, node: _Node, birth: _Birth | None, payload: Any, message: Message
    ) -> list[Publish] | None:
        """`None`: no message was lost and the metrics have names. If not, the request for the node's birth, if it is
        due."""
        expected, node.seq = (node.seq + 1) % 256, payload.seq % 256
        if node.asked_at is None and node.birth is not None and birth is not None and node.seq == expected:
            return None
        return self._ask(address, node, message)

    def _ask(self, address: str, node: _Node, message: Message) -> list[Publish]:
        if node.asked_at is not None and message.at - node.asked_at < ASK_AGAIN_US:
            return []
        node.asked_at = message.at
        return [self._rebirth(address)]

    def _rebirth(self, address: str) -> Publish:
        group, _, node = address.partition("/")
        payload = encoded({REBIRTH: (None, BOOLEAN, True)}, self._at_ms)
        return Publish(f"{self.prefix}/{group}/NCMD/{node}", payload, qos=0)

    def _values(
        self, node_address: str, address: str, via: str, payload: Any, node: _Node, birth: _Birth, message: Message
    ) -> Iterator[Finding]:
        if any(_known(metric, birth) is None for metric in payload.metrics):
            yield from self._ask(node_address, node, message)
        yield from _telemetry(address, via, payload, birth, message)


def _birth(payload: Any) -> _Birth:
    birth = _Birth()
    for metric in payload.metrics[:MAX_METRICS]:
        if metric.name:
            known = _Metric(metric.name, metric.datatype, metric.alias if metric.HasField("alias") else None)
            birth.by_name[known.name] = known
            if known.alias is not None:
                birth.by_alias[known.alias] = known
    return birth


def _bd_seq(payload: Any) -> int | None:
    for metric in payload.metrics:
        if metric.name == "bdSeq" and isinstance(value := getattr(metric, metric.WhichOneof("value") or "alias"), int):
            return value
    return None


def _known(metric: Any, birth: _Birth) -> _Metric | None:
    return birth.by_name.get(metric.name) if metric.name else birth.by_alias.get(metric.alias)


def _settable(birth: _Birth, name: str, value: Any) -> tuple[int | None, int, Any]:
    known = birth.by_name.get(name)
    if known is None:
        raise Invalid(f"the device's birth has no metric {name!r}")
    return known.alias, known.datatype, value


def _born(address: str, via: str, payload: Any, birth: _Birth, message: Message) -> Iterator[Finding]:
    facts: dict[str, Any] = {}
    for metric in payload.metrics[:MAX_METRICS]:
        properties = properties_of(metric)
        if unit := next((properties[key] for key in _UNIT_KEYS if isinstance(properties.get(key), str)), ""):
            facts[f"units.{metric.name}"] = unit
        if metric.name == REBIRTH:
            facts[f"controls.{REBIRTH}"] = "button"
        elif metric.datatype == BOOLEAN and properties.get("readOnly") is False:
            facts[f"controls.{metric.name}"] = "switch"
    if facts:
        yield Heard(address, attributes_of(facts), via=via)
    yield from _telemetry(address, via, payload, birth, message)


def _telemetry(address: str, via: str, payload: Any, birth: _Birth, message: Message) -> Iterator[Finding]:
    samples: list[Sample] = []
    skipped = SkippedValues()
    for metric in payload.metrics:
        known = _known(metric, birth)
        name = known.name if known else metric.name or f"alias {metric.alias}"
        if name in ("bdSeq", REBIRTH):
            continue
        try:
            if known is None:
                raise Refusal("birth_missing", "the birth does not name it")
            samples += _samples(name, metric, known, payload, message.at)
        except Refusal as refusal:
            skipped.add(refusal.of(name))
    if samples or not skipped:
        times = [sample.time for sample in samples if sample.time is not None]
        report = Telemetry(tuple(samples), message.at, skipped or None, max(times, default=None))
        yield Heard(address, report, via=via)
    else:
        yield Rejected(address, skipped.first)


def _samples(name: str, metric: Any, known: _Metric, payload: Any, at: int) -> Iterator[Sample]:
    """A historical value keeps its place by its time. Without a usable one, it would be shown as the newest."""
    value = value_of(metric, metric.datatype or known.datatype)
    if value is None:
        return
    time: int | None = (metric.timestamp if metric.HasField("timestamp") else payload.timestamp) * 1000
    if time is not None and not CLOCK_SET_US <= time <= at + FUTURE_US:
        if metric.is_historical:
            raise Refusal("timestamp_invalid", "a historical value has a time of its own")
        time = None
    values = {f"{name}.{n}": each for n, each in enumerate(value)} if isinstance(value, list) else {name: value}
    if len(values) > MAX_ELEMENTS:
        raise Refusal("array_too_long", f"{len(values)} elements")
    for one, each in values.items():
        check_name(one)
        check_value(each)
        yield Sample(one, each, time)
