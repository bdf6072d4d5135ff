"""The convention that a definition describes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from bridges.codec.reports import attributes_of, status_of, telemetry_of
from bridges.codec.status_words import word
from bridges.codec.texts import read_text
from bridges.sources.convention import MAX_ADDRESS, Convention, Finding, Heard, Message, Publish, Rejected
from bridges.sources.filters import disjoint
from bridges.sources.mapping import commands, content, presets
from bridges.sources.mapping.decoders import check_decoder, decode
from bridges.sources.mapping.definition import KeepAlive, Rule, read_definition
from bridges.sources.mapping.patterns import NAME, Pattern, as_text, fill
from devices.errors import Invalid, Refusal, SkippedValues
from devices.values import Attributes, Sample, StatusReport, Telemetry, Value, is_storable

MAX_KNOWN = 10_000
"""Devices whose units, and gateways whose children, are remembered. Past it those known longest are forgotten."""
MAX_CHILDREN = 1_000
"""Devices of one gateway."""
MAX_ITEMS = 1_000
"""Items of one message that are messages of their own. The rest is rejected."""


class MappedConvention(Convention):
    """Reads what the rules of its definition describe."""

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        chosen = presets.resolve(options or {})
        super().__init__(prefix or chosen.prefix, options)
        if not self.prefix:
            raise Invalid("a mapping needs a prefix: the first levels that its topics have in common")
        self.definition = read_definition(chosen.definition)
        self._rules = [_ready(rule, number, self.prefix) for number, rule in enumerate(self.definition.rules)]
        self._commands = commands.ready(self.definition, self.prefix)
        self._keep_alive = _Beat(self.definition.keep_alive, self.prefix) if self.definition.keep_alive else None
        self._described: dict[str, set[str]] = {}
        self._children: dict[str, set[str]] = {}
        self._gateways: dict[str, bool] = {}

    def filters(self) -> Collection[str]:
        found = [pattern.filter for pattern, rule in self._rules if rule.kind != "ignore"]
        return disjoint([*found, self._keep_alive.pattern.filter] if self._keep_alive else found)

    def command_filters(self) -> Collection[str]:
        topics = [*self._commands.filters(), *([self._keep_alive.filter] if self._keep_alive else [])]
        return list(dict.fromkeys(topics))

    def hear(self, message: Message) -> Iterable[Finding]:
        decoded: dict[tuple[str, str], list[tuple[str, Any]]] = {}
        for rule, names in self.matching(message.topic):
            if rule.kind == "ignore" or not message.payload:
                continue
            try:
                if (rule.decoder, rule.each) not in decoded:
                    decoded[rule.decoder, rule.each] = _items(_decoded(rule, message.payload), rule.each)
            except Refusal as refusal:
                yield _rejected(_first(rule.device, names.get), refusal, message.topic, rule.kind)
                continue
            for key, item in decoded[rule.decoder, rule.each]:
                yield from self._hear_item(rule, {"key": key, **names} if key else names, item, message)
        if self._keep_alive:
            yield from self._keep_alive.due(message.topic, message.at)

    def matching(self, topic: str) -> list[tuple[Rule, dict[str, str]]]:
        """The rules of the first pattern that fits, and what its names stand for."""
        for pattern, _ in self._rules:
            if (found := pattern.match(topic)) is not None:
                return [(rule, found) for other, rule in self._rules if other.text == pattern.text]
        return []

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        return self._commands.messages(address, name, args)

    def greeting(self) -> Sequence[Publish]:
        return self._keep_alive.first() if self._keep_alive else ()

    def _hear_item(self, rule: Rule, levels: dict[str, str], item: Any, message: Message) -> Iterator[Finding]:
        def look_up(name: str) -> Any:
            return levels[name] if name in levels else content.at_path(item, name)

        address = _first(rule.device, look_up)
        if not address or not is_storable(address):
            refusal = Refusal("not_readable", f"it does not name its device: {_shown(rule.device)}")
            yield _rejected("", refusal, message.topic)
            return
        name, via = _first(rule.name, look_up), _first(rule.via, look_up)
        try:
            report = _report(rule, levels, look_up, item, message)
        except Refusal as refusal:
            yield _rejected(address, refusal, message.topic, rule.kind)
            return
        yield Heard(address, report, name, via)
        if isinstance(report, StatusReport):
            yield from self._gateway_changed(address, report, message)
        if isinstance(report, Telemetry) and (facts := self._new_facts(address, rule, report)):
            yield Heard(address, Attributes(facts), via=via)
        if via and via != address:
            yield from self._child_of(via, address, message)

    def _new_facts(self, address: str, rule: Rule, report: Telemetry) -> dict[str, Value | None]:
        """Units of metrics, and controls, that were not reported of the device before."""
        known = _remembered(self._described, address, set)
        facts: dict[str, Value | None] = {} if known else dict(self._commands.controls)
        for sample in report.samples:
            if rule.units and sample.metric not in known and len(known) < MAX_CHILDREN:
                unit = next((unit for metric, unit in rule.units.items() if fnmatchcase(sample.metric, metric)), None)
                facts |= {f"units.{sample.metric}": unit} if unit else {}
                known.add(sample.metric)
        known.add("")
        return facts

    def _gateway_changed(self, via: str, report: StatusReport, message: Message) -> Iterator[Heard]:
        online = report.availability == "online"
        self._gateways.pop(via, None)
        _remembered(self._gateways, via, lambda: online)
        for child in sorted(self._children.get(via, ())):
            yield Heard(child, status_of(online, message.at, repeated=message.retained, via=via), via=via)

    def _child_of(self, via: str, address: str, message: Message) -> Iterator[Heard]:
        children = _remembered(self._children, via, set)
        if address in children or len(children) >= MAX_CHILDREN:
            return
        children.add(address)
        if via in self._gateways:
            yield Heard(address, status_of(self._gateways[via], message.at, repeated=True, via=via), via=via)


class _Beat:
    """Publishes at each gateway's own topic from time to time, while it sends."""

    def __init__(self, keep_alive: KeepAlive, prefix: str) -> None:
        self._settings = keep_alive
        self.pattern = Pattern.of(keep_alive.on, prefix)
        self._topic = commands.CommandTopic.of(keep_alive.topic, prefix)
        self.filter = self._topic.filter
        self._last: dict[str, int] = {}

    def first(self) -> list[Publish]:
        """What is published before anything was heard: only possible where the topic has no names."""
        topic = self._topic.fill({})
        return [self._publish(topic, is_first=True)] if topic is not None else []

    def due(self, heard_on: str, at: int) -> Iterator[Publish]:
        found = self.pattern.match(heard_on)
        topic = self._topic.fill(found) if found is not None else None
        if topic is None:
            return
        last = self._last.get(topic)
        if last is not None and at - last < self._settings.every_s * 1_000_000:
            return
        self._last.pop(topic, None)
        _remembered(self._last, topic, lambda: at)
        yield self._publish(topic, is_first=last is None)

    def _publish(self, topic: str, *, is_first: bool) -> Publish:
        body = self._settings.first if is_first and self._settings.first is not None else self._settings.body
        return Publish(topic, commands.encode(body, {}), qos=0)


def _remembered(known: dict[str, Any], key: str, make: Any) -> Any:
    """What is known by this key, in a table of up to `MAX_KNOWN`."""
    if key not in known:
        while len(known) >= MAX_KNOWN:
            known.pop(next(iter(known)))
        known[key] = make()
    return known[key]


def _ready(rule: Rule, number: int, prefix: str) -> tuple[Pattern, Rule]:
    try:
        check_decoder(rule.decoder)
        return Pattern.of(rule.topic, prefix), rule
    except Invalid as error:
        raise Invalid(f"rules[{number}]: {error.message}") from None


def _decoded(rule: Rule, payload: bytes) -> Any:
    if rule.decoder == "scalar" and rule.words and (text := _text(payload)) in rule.words:
        return text
    return decode(rule.decoder, payload)


def _text(payload: bytes) -> str:
    try:
        return read_text(payload)
    except Refusal:
        return ""


def _items(decoded: Any, each: str) -> list[tuple[str, Any]]:
    """The messages within a message, with their keys in an object. Where there are none, it is the only one."""
    found = content.at_path(decoded, each)
    if isinstance(found, dict) and each:
        items = list(found.items())
    elif isinstance(found, list) and (each or any(isinstance(item, dict) for item in found)):
        items = [("", item) for item in found]
    else:
        return [("", decoded)]
    if len(items) > MAX_ITEMS:
        raise Refusal("too_many_values", f"{len(items)} items")
    return items


def _first(templates: Sequence[str], look_up: Any) -> str:
    for template in [templates] if isinstance(templates, str) else templates:
        if template and (found := fill(template, look_up)) and len(found) <= MAX_ADDRESS:
            return found
    return ""


def _shown(templates: Sequence[str]) -> str:
    return templates if isinstance(templates, str) else " or ".join(templates)


def _rejected(address: str, refusal: Refusal, topic: str, kind: str = "telemetry") -> Rejected:
    return Rejected(address, refusal if refusal.key else refusal.of(topic), kind)


def _report(
    rule: Rule, levels: dict[str, str], look_up: Any, item: Any, message: Message
) -> Telemetry | StatusReport | Attributes | None:
    values = content.find(item, rule.values)
    if values is content.MISSING:
        if rule.kind == "attributes":
            return None
        raise Refusal("invalid_shape", f"there is no {rule.values!r}")
    if rule.kind == "status":
        return status_of(_is_online(rule, values), message.at, repeated=message.retained)
    values = _named(rule, levels, look_up, values)
    if rule.kind == "attributes":
        attributes = attributes_of(values, repeated=message.retained)
        return Attributes(dict(_renamed(rule, attributes.facts)), attributes.repeated, attributes.skipped)
    report = _telemetry(rule, values, item, message)
    return report if report.samples or report.skipped else None


def _telemetry(rule: Rule, values: Mapping[str, Any], item: Any, message: Message) -> Telemetry:
    late = SkippedValues()
    try:
        time = content.time_of(item, rule.time)
    except Refusal as refusal:
        late.add(refusal)
        time = None
    report = telemetry_of(values, message.at, time, repeated=message.retained)
    found = {sample.metric: sample.value for sample in report.samples}
    time = report.samples[0].time if report.samples else None
    samples = tuple(Sample(name, value, time) for name, value in _renamed(rule, found))
    if report.skipped is not None:
        late.merge(report.skipped)
    return Telemetry(samples, message.at, late or None, report.claimed, repeated=message.retained)


def _named(rule: Rule, levels: dict[str, str], look_up: Any, values: Any) -> dict[str, Any]:
    """The values as an object: a bare one under the name of its metric."""
    template = rule.metric or ("{metric}" if "metric" in levels else "")
    metric = _first(template, look_up)
    if template and not metric:
        raise Refusal("not_readable", f"it does not name its metric: {_shown(template)}")
    if isinstance(values, dict):
        return {f"{metric}.{key}": value for key, value in values.items()} if metric else values
    return {metric or rule.values.rpartition(".")[2] or "value": values}


def _renamed(rule: Rule, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The wanted values under the wanted names, words replaced."""
    for name, value in values.items():
        wanted = not rule.only or any(fnmatchcase(name, each) for each in rule.only)
        if not wanted or any(fnmatchcase(name, each) for each in rule.skip) or _is_claim(rule, name):
            continue
        if value is not None and rule.words:
            value = rule.words.get(as_text(value), value)
        yield rule.rename.get(name, name), value


def _is_claim(rule: Rule, name: str) -> bool:
    """Whether it is the time, or names the device, and is no reading."""
    path = f"{rule.values}.{name}" if rule.values else name
    return rule.kind == "telemetry" and not rule.metric and path in _claims(rule)


@lru_cache(maxsize=1_000)
def _claim_paths(time: str, *templates: str) -> frozenset[str]:
    return frozenset([time, *(name for template in templates for name in NAME.findall(template))])


def _claims(rule: Rule) -> frozenset[str]:
    several = [[one] if isinstance(one, str) else one for one in (rule.device, rule.name, rule.via)]
    return _claim_paths(rule.time.path if rule.time else "", *(one for each in several for one in each))


def _is_online(rule: Rule, value: Any) -> bool:
    text = as_text(value).strip() if isinstance(value, (str, int, float)) else ""
    if text in rule.online:
        return True
    if text in rule.offline:
        return False
    known = word(text) if not (rule.online and rule.offline) else None
    if known is None:
        raise Refusal("invalid_shape", f"a status is online or offline, not {text[:40]!a}")
    return known
