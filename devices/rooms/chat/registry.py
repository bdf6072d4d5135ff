"""The registry of chat commands: which function answers to `/name`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from devices.access import Person
from devices.channel.events import Event
from devices.commands.models import Command
from devices.errors import Invalid
from devices.log.models import Room
from devices.registry.models import Device
from devices.values import MessageKind, Origin

Answer = str | None
"""The reply to post in the room: Markdown, or nothing."""


@dataclass(slots=True)
class Call:
    """A command as it was typed.

    `arguments` is what follows the name, without surrounding white space. `kind` and `data` become those of the typed
    message: a command that posts a chart sets them. `events` are published after the commit. `author` and `origin` name
    who answers, such as the device. `command` is a prepared command for the device.
    """

    person: Person
    room: Room
    name: str
    arguments: str
    at: int
    kind: MessageKind = MessageKind.CHAT
    data: dict[str, Any] = field(default_factory=dict)
    author: str = "hubbub"
    origin: Origin = Origin.HUB
    events: list[Event] = field(default_factory=list)
    command: Command | None = None

    @property
    def device(self) -> Device:
        """The device of the room, for commands registered with `for_device`."""
        if self.room.device is None:
            raise Invalid(f"/{self.name} only works in the room of a device")
        return self.room.device


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """`usage` is what `/help` and completion show: `/get METRIC`. `for_device`: it needs the room of a device."""

    name: str
    usage: str
    help: str
    for_device: bool
    handler: Handler


_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_commands: dict[str, ChatCommand] = {}


def command(name: str, usage: str = "", help: str = "", *, for_device: bool = False) -> Callable[[Handler], Handler]:
    """Registers the decorated function as the answer to `/name`.

    It runs in the transaction that stores what was typed, so it should be quick: a program that takes longer is a bot.
    It refuses by raising a `HubbubError`: nothing is stored then, and the person gets the reason.
    """

    def register(handler: Handler) -> Handler:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a valid name: use a small letter, then up to 31 of a-z, 0-9 and '-'")
        if name in _commands:
            raise ValueError(f"there is already a command /{name}")
        _commands[name] = ChatCommand(name, usage or f"/{name}", help, for_device, handler)
        return handler

    return register


def known(room: Room) -> Iterator[ChatCommand]:
    """The commands that work in this room, by name."""
    for name in sorted(_commands):
        if room.device_id is not None or not _commands[name].for_device:
            yield _commands[name]


def split(text: str) -> tuple[str, str] | None:
    """`(name, arguments)` if the text is a command; `//`, a single `/`, a path or a fraction is not."""
    head, *rest = text.split(None, 1)
    name = head[1:].lower()
    if not head.startswith("/") or not _NAME.fullmatch(name):
        return None
    return name, rest[0].strip() if rest else ""


def find(name: str, room: Room) -> ChatCommand:
    """The command `/name`. Raises `Invalid` if it does not exist or does not work in this room."""
    found = _commands.get(name)
    if found is None:
        near = closest(name, [one.name for one in known(room)])
        hint = f"did you mean /{near}?" if near else "/help lists the commands"
        raise Invalid(f"there is no command /{name}: {hint}")
    if found.for_device and room.device_id is None:
        raise Invalid(f"/{name} only works in the room of a device")
    return found


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like `word`, if one is."""
    by_folded = {one.casefold(): one for one in known}
    near = get_close_matches(word.casefold(), by_folded, 1)
    return by_folded[near[0]] if near else None
