"""What a mapping consists of, as it is stored in the options of its source. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from devices.errors import Invalid

MAX_RULES = 50
MAX_COMMANDS = 50
MAX_WORDS = 200
"""Words, renamed metrics or units of a rule."""

Text = Annotated[str, Meta(max_length=200)]
Texts = Annotated[tuple[Text, ...], Meta(max_length=20)]
Words = Annotated[dict[Text, bool | int | float | Text], Meta(max_length=MAX_WORDS)]
Names = Annotated[dict[Text, Text], Meta(max_length=MAX_WORDS)]


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a message has its time, and in which form. An ISO time without an offset is of `zone`; without one of
    those either, the time of receipt counts."""

    path: Text
    form: Literal["ms", "s", "us", "ns", "iso"] = "ms"
    zone: Text = ""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"kind": "as"}):
    """What messages on topics of one pattern mean."""

    topic: Text
    kind: Literal["telemetry", "status", "attributes", "ignore"] = "telemetry"
    decoder: Text = "json"
    each: Text = ""
    """Path of a list, or an object, whose items are messages of their own. `{key}` is the key of one in an object."""
    values: Text = ""
    """Path of the values; empty: all of the message."""
    device: Texts | Text = "{device}"
    """The device's address, made of levels of the topic and paths in the message; the first that can be made."""
    name: Texts | Text = ""
    via: Text = ""
    """The address of the gateway that speaks for the device."""
    metric: Texts | Text = ""
    """The name of a bare value, and what stands before the names of several."""
    time: Time | None = None
    words: Words = {}
    rename: Names = {}
    units: Names = {}
    only: Texts = ()
    skip: Texts = ()
    online: Texts = ()
    offline: Texts = ()


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a command is sent. With `arg` it carries one argument (`*`: any); without, all of them."""

    topic: Text
    name: Text = "set"
    arg: Text = ""
    body: Any = "{value}"
    on: Text = ""
    """What stands for true; also for words such as ON."""
    off: Text = ""
    control: Text = ""
    qos: Literal[0, 1, 2] = 1


class KeepAlive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message that keeps devices sending. It follows one of theirs, on a topic of the pattern `on`, where the last
    was published `every_s` before. The first has `first` in place of the body."""

    on: Text
    topic: Text
    body: Any = ""
    first: Any = None
    every_s: Annotated[int, Meta(ge=10, le=3600)] = 30


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: Annotated[tuple[Rule, ...], Meta(min_length=1, max_length=MAX_RULES)]
    commands: Annotated[tuple[Command, ...], Meta(max_length=MAX_COMMANDS)] = ()
    keep_alive: KeepAlive | None = None


def read_definition(options: Mapping[str, Any]) -> Definition:
    """Raises `Invalid`, which names the field."""
    try:
        definition = msgspec.convert(dict(options), Definition)
    except msgspec.ValidationError as error:
        raise Invalid(f"the mapping is not valid: {error}") from None
    for number, rule in enumerate(definition.rules):
        if rule.time is not None:
            _check_zone(rule.time, f"rules[{number}].time.zone")
    return definition


def _check_zone(time: Time, field: str) -> None:
    if not time.zone:
        return
    try:
        ZoneInfo(time.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"{field}: there is no time zone {time.zone!r}") from None
