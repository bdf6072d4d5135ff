"""From commands to the messages that a mapping describes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bridges.codec.status_words import word
from bridges.sources.convention import Publish
from bridges.sources.mapping.definition import Command, Definition
from bridges.sources.mapping.patterns import NAME, as_text, check_root, fill, read_back, rooted
from devices.commands.args import by_metric
from devices.errors import Invalid
from devices.values import Value

_WORDS = ("on", "off", "true", "false")
"""Texts that a person may give for a switch."""


@dataclass(frozen=True, slots=True)
class CommandTopic:
    """Names of the device's address, `{device}`, `{arg}`, and `{arg...}` with a slash for each dot, are filled in."""

    template: str
    filter: str

    @classmethod
    def of(cls, text: str, prefix: str) -> CommandTopic:
        """Raises `Invalid`."""
        template = rooted(text, prefix)
        levels = template.split("/")
        check_root(levels[0], text)
        wanted = ["#" if "...}" in level else "+" if "{" in level else level for level in levels]
        if any(set(level) & set("+#\0") for level in levels) or "#" in wanted[:-1]:
            raise Invalid(f"the topic {text!r} of a command has + or #, or {{arg...}} before its end")
        return cls(template, "/".join(wanted))

    def fill(self, names: Mapping[str, str]) -> str | None:
        """`None` if a name has no value, or one that a topic cannot have."""
        known = {**names, **{f"{name}...": value.replace(".", "/") for name, value in names.items()}}
        topic = fill(self.template, known.get)
        if topic is None or len(topic) > 1_000 or not topic.isprintable() or set(topic) & set("+#"):
            return None
        return topic


@dataclass(frozen=True, slots=True)
class Commands:
    described: Sequence[tuple[Command, CommandTopic]]
    addresses: Sequence[str]
    """Templates of the devices' addresses."""

    @property
    def controls(self) -> dict[str, Value]:
        return {
            f"controls.{command.arg}": command.control
            for command, _ in self.described
            if command.control and command.arg not in ("", "*")
        }

    def filters(self) -> Collection[str]:
        return [topic.filter for _, topic in self.described]

    def messages(self, address: str, name: str, args: Mapping[str, Any]) -> list[Publish]:
        """Raises `Invalid` for a command, or an argument, that is not described."""
        fitting = [one for one in self.described if one[0].name in (name, "*")]
        if not fitting:
            raise Invalid(f"the mapping describes no command {name!r}")
        for command, topic in fitting:
            if not command.arg:
                return [self._message(command, topic, address, name, "", args, args)]
        given = by_metric(dict(args))
        if not given:
            raise Invalid(f"the command {name!r} needs an argument")
        return [self._of_argument(fitting, address, name, arg, value, args) for arg, value in given.items()]

    def _of_argument(
        self,
        fitting: Sequence[tuple[Command, CommandTopic]],
        address: str,
        name: str,
        arg: str,
        value: Any,
        args: Mapping[str, Any],
    ) -> Publish:
        for command, topic in fitting:
            if command.arg in (arg, "*"):
                return self._message(command, topic, address, name, arg, value, args)
        raise Invalid(f"the mapping does not describe the argument {arg!r} of {name!r}")

    def _message(
        self,
        command: Command,
        topic: CommandTopic,
        address: str,
        name: str,
        arg: str,
        value: Any,
        args: Mapping[str, Any],
    ) -> Publish:
        names: dict[str, Any] = {**self._names(address), "device": address, "command": name, "arg": arg}
        filled = topic.fill(names)
        if filled is None:
            raise Invalid(f"the topic {topic.template!r} cannot be made for {address!r}")
        return Publish(
            filled, encode(command.body, {**names, "value": _switched(command, value), "args": args}), command.qos
        )

    def _names(self, address: str) -> Mapping[str, str]:
        for template in self.addresses:
            if (found := read_back(template, address)) is not None:
                return found
        return {}


def ready(definition: Definition, prefix: str) -> Commands:
    """Raises `Invalid`."""
    described = []
    for number, command in enumerate(definition.commands):
        try:
            described.append((command, CommandTopic.of(command.topic, prefix)))
        except Invalid as error:
            raise Invalid(f"commands[{number}]: {error.message}") from None
    templates = [[rule.device] if isinstance(rule.device, str) else rule.device for rule in definition.rules]
    return Commands(described, list(dict.fromkeys(one for several in templates for one in several)))


def encode(body: Any, names: Mapping[str, Any]) -> bytes:
    """A text with names filled in as it is; anything else as JSON, in which `"{value}"` stands for the value itself."""
    return _written(_filled(body, names)).encode()


def _filled(body: Any, names: Mapping[str, Any]) -> Any:
    if isinstance(body, dict):
        return {_with_names(key, names): _filled(value, names) for key, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, names) for value in body]
    if isinstance(body, str):
        return names[body[1:-1]] if body[1:-1] in names and NAME.fullmatch(body) else _with_names(body, names)
    return body


def _with_names(text: str, names: Mapping[str, Any]) -> str:
    return NAME.sub(lambda found: _written(names[found[1]]) if found[1] in names else found[0], text)


def _written(value: Any) -> str:
    return msgspec.json.encode(value).decode() if value is None or isinstance(value, (dict, list)) else as_text(value)


def _switched(command: Command, value: Any) -> Any:
    """The command's own words for true and false."""
    on = (
        value
        if isinstance(value, bool)
        else word(value)
        if isinstance(value, str) and value.lower() in _WORDS
        else None
    )
    if on is None or not (command.on and command.off):
        return value
    return command.on if on else command.off
