"""Shelly since the second generation: JSON-RPC over MQTT.

https://shelly-api-docs.shelly.cloud/gen2/Components/SystemComponents/Mqtt
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from bridges.codec.json_reading import parse
from bridges.codec.reports import attributes_of, require_object, status_of, telemetry_of
from bridges.codec.texts import read_text
from bridges.sources.convention import Convention, Finding, Heard, Message, Publish, Rejected, SentCommand
from bridges.sources.conventions.shelly_components import Call, calls_for, facts_of, values_of
from devices.commands.args import by_metric
from devices.errors import Invalid, Refusal
from devices.values import Answer

MAX_DEVICES = 1_000
"""Devices that are remembered as known; past it, the one known longest is asked for its name and model again."""
MAX_CALLS = 2_000
"""Calls without an answer. The oldest are forgotten: a late answer is then ignored."""
MAX_DESCRIBED = 20_000
"""Metrics of all devices whose unit was given; past it they are given again."""
MAX_EVENTS = 100
"""Events of one notification."""

_FACTS = {"model": "model", "app": "app", "ver": "firmware", "mac": "mac", "gen": "generation"}
_DEPTHS = ("+", "+/+", "+/+/+")
"""Levels that the prefix of a device may have."""
_STATUSES = ("NotifyStatus", "NotifyFullStatus")


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that has no answer yet. `command`: the id of the command that it is a part of; empty for our question."""

    address: str
    command: str = ""


class Shelly2(Convention):
    """`<device>/events/rpc`, `<device>/status/<component>`, `<device>/online`, and calls on `<device>/rpc`.

    The address of a device is the topic prefix that is set in it: its id, unless the owner has chosen another, which
    may hold slashes.
    """

    answers: ClassVar[bool] = True

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(prefix, options)
        self._below = f"{self.prefix}/" if self.prefix else ""
        self._us = f"{self._below}hubbub/cmd"
        """Whom the devices are to answer, on `…/rpc`."""
        self._known: dict[str, None] = {}
        self._calls: dict[int, _Call] = {}
        self._described: set[tuple[str, str]] = set()

    def filters(self) -> Collection[str]:
        if self.prefix:
            return [f"{self.prefix}/#"]
        deep = [address for address in self._known if "/" in address]
        events = [f"{above}/events/rpc" for above in _DEPTHS]
        return [
            *("+/online", "+/status/+", *events, f"{self._us}/rpc"),
            *(f"{address}/{below}" for address in deep for below in ("online", "status/+")),
        ]

    def command_filters(self) -> Collection[str]:
        return [f"{self._below}{above}/rpc" for above in _DEPTHS]

    def device_filters(self) -> Collection[str]:
        """A device whose prefix has slashes must be let in before the hub knows it."""
        own = ("online", "status/+", "command", "command/+")
        deep = [f"{self._below}{above}/{topic}" for above in _DEPTHS for topic in own]
        return [*super().device_filters(), *deep]

    def hear(self, message: Message) -> Iterable[Finding]:
        if not message.topic.startswith(self._below) or not message.payload:
            return []
        if message.topic == f"{self._us}/rpc":
            return self._answered(message)
        match message.topic.split("/"):
            case [*device, "online"] if device:
                return self._online("/".join(device), message)
            case [*device, "events", "rpc"] if device:
                return self._of_device("/".join(device), message, self._notified)
            case [*device, "status", component] if device:
                return self._of_device("/".join(device), message, self._component, component)
        return []

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        """`set` with metrics, or a method of the device such as `Switch.Set` with its parameters."""
        if "." in name:
            calls = [Call(name, dict(args))]
        elif name == "set" and args:
            calls = calls_for(by_metric(dict(args)))
        else:
            raise Invalid(f"a Shelly has no command {name!r}; use set, or a method such as Switch.Toggle")
        return [self._call(address, each, f"{id}:{number}", id) for number, each in enumerate(calls)]

    def done(self, command: SentCommand, heard: Heard) -> bool:
        """The device answers each command."""
        return False

    def _call(self, address: str, call: Call, seed: str, command: str = "") -> Publish:
        """The number of a call is made of its command, so that none from before a restart is taken for another."""
        number = zlib.crc32(seed.encode()) & 0x7FFFFFFF
        self._calls.pop(number, None)
        self._calls[number] = _Call(address, command)
        while len(self._calls) > MAX_CALLS:
            self._calls.pop(next(iter(self._calls)))
        content = {"id": number, "src": self._us, "method": call.method, "params": call.params}
        return Publish(f"{address}/rpc", msgspec.json.encode(content))

    def _meet(self, address: str) -> Iterator[Publish]:
        """Asks a device that is heard for the first time what it is."""
        if address in self._known:
            return
        self._known[address] = None
        while len(self._known) > MAX_DEVICES:
            self._known.pop(next(iter(self._known)))
        yield self._call(address, Call("Shelly.GetDeviceInfo"), f"info {address}")

    def _online(self, address: str, message: Message) -> Iterator[Finding]:
        """Only these two words: other programs have a topic of this name, too."""
        text = read_text(message.payload)
        if text not in ("true", "false"):
            return
        yield Heard(address, status_of(text == "true", message.at, repeated=message.retained))
        if text == "true":
            yield from self._meet(address)

    def _of_device(self, address: str, message: Message, read: Any, *more: str) -> Iterator[Finding]:
        try:
            findings = list(read(address, require_object(parse(message.payload)), message, *more))
        except Refusal as refusal:
            yield Rejected(address, refusal)
            return
        if findings:
            yield from self._meet(address)
            yield from findings

    def _notified(self, address: str, content: dict[str, Any], message: Message) -> Iterator[Finding]:
        params = content.get("params")
        if not isinstance(params, dict):
            raise Refusal("invalid_shape", "params are expected", "params")
        if content.get("method") in _STATUSES:
            yield from self._state(address, params, message)
        elif content.get("method") == "NotifyEvent":
            yield from self._events(address, params.get("events"), message)

    def _component(self, address: str, status: dict[str, Any], message: Message, key: str) -> Iterator[Finding]:
        yield from self._state(address, {key: status}, message)

    def _state(self, address: str, components: Mapping[str, Any], message: Message) -> Iterator[Finding]:
        """A change holds only what has changed: what is missing stays as it was."""
        values: dict[str, Any] = {}
        for key, status in components.items():
            values |= values_of(key, status)
        report = telemetry_of(values, message.at, _microseconds(components.get("ts")))
        facts = self._new_facts(address, {sample.metric: sample.value for sample in report.samples})
        wifi = components.get("wifi")
        if isinstance(wifi, dict) and isinstance(ip := wifi.get("sta_ip"), str):
            facts["ip"] = ip
        if facts:
            yield Heard(address, attributes_of(facts, repeated=message.retained))
        if report.samples or report.skipped:
            yield Heard(address, report)
        elif not facts:
            yield Heard(address)

    def _new_facts(self, address: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
        """Units and controls of metrics that are heard for the first time."""
        new = {metric: value for metric, value in metrics.items() if (address, metric) not in self._described}
        if len(self._described) + len(new) > MAX_DESCRIBED:
            self._described.clear()
        self._described.update((address, metric) for metric in new)
        return dict(facts_of(new))

    def _events(self, address: str, events: Any, message: Message) -> Iterator[Finding]:
        if not isinstance(events, list):
            raise Refusal("invalid_shape", "a list is expected", "events")
        for event in events[:MAX_EVENTS]:
            match event:
                case {"component": str(component), "event": str(what), **rest}:
                    if values := values_of(component, {"event": what}):
                        yield Heard(address, telemetry_of(values, message.at, _microseconds(rest.get("ts"))))

    def _answered(self, message: Message) -> Iterator[Finding]:
        content = require_object(parse(message.payload))
        number = content.get("id")
        call = self._calls.pop(number, None) if isinstance(number, int) else None
        if call is None:
            return
        result, error = content.get("result"), content.get("error")
        if not call.command:
            yield from _described(call.address, result, message)
        elif error is not None:
            self._forget(call.command)
            yield Heard(call.address, Answer(call.command, ok=False, error=_error(error)))
        elif all(each.command != call.command for each in self._calls.values()):  # the last of its calls
            yield Heard(call.address, Answer(call.command, ok=True, result=result))

    def _forget(self, command: str) -> None:
        self._calls = {number: each for number, each in self._calls.items() if each.command != command}


def _described(address: str, info: Any, message: Message) -> Iterator[Finding]:
    if not isinstance(info, dict):
        return
    facts = {ours: info[theirs] for theirs, ours in _FACTS.items() if info.get(theirs) is not None}
    name = info.get("name")
    yield Heard(address, attributes_of(facts), name if isinstance(name, str) else "")


def _microseconds(seconds: Any) -> int | None:
    """`None` before the device's clock was set."""
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    return round(seconds * 1_000_000) if is_number and 0 < seconds < 1e11 else None


def _error(error: Any) -> str:
    match error:
        case {"message": str(text), "code": int(code)}:
            return f"{text[:900]} ({code})"
    return str(error)[:1_000]
