"""Commands that people type into rooms: who answers to `/name`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from devices.access import Person
from devices.errors import Invalid
from devices.events import Event
from devices.models import Command, Device, Room
from devices.values import MessageKind, Origin

Answer = str | None
"""What the room is told: Markdown, or nothing."""


@dataclass(slots=True)
class Call:
    """A command as somebody has typed it.

    `arguments` is what follows the name, without white space around it. `kind` and `data` become the typed message's
    own: a command that posts a chart sets them. `events` are published after the commit. `author` and `origin` say in
    whose name the answer stands: the device's, where it speaks for it. `queued`: the command that the device is sent.
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
    queued: Command | None = None

    @property
    def device(self) -> Device:
        """The device of the room. Raises `Invalid` in a room without one."""
        if self.room.device is None:
            raise Invalid(f"/{self.name} works in the room of a device")
        return self.room.device


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """`usage` is what `/help` and completion show: `/get METRIC`. `for_device`: it works in the room of a device."""

    name: str
    usage: str
    help: str
    for_device: bool
    handler: Handler


_commands: dict[str, ChatCommand] = {}


def command(name: str, usage: str = "", help: str = "", *, for_device: bool = False) -> Callable[[Handler], Handler]:
    """Registers the function below as what answers to `/name`.

    It runs in the transaction that stores what was typed, so it should be quick: a program that takes longer is a bot.
    It refuses with a `HubbubError`: then nothing is stored, and the person is told why.
    """

    def register(handler: Handler) -> Handler:
        if name in _commands:
            raise ValueError(f"there is a command /{name} already")
        _commands[name] = ChatCommand(name, usage or f"/{name}", help, for_device, handler)
        return handler

    return register


def known(room: Room) -> Iterator[ChatCommand]:
    """The commands that work in this room, by name."""
    for name in sorted(_commands):
        if room.device_id is not None or not _commands[name].for_device:
            yield _commands[name]


def split(text: str) -> tuple[str, str] | None:
    """`(name, arguments)` of a text that is a command. `//` and a lone `/`, a path, a fraction are none."""
    head, _, arguments = text.partition(" ")
    name = head[1:]
    return (name.lower(), arguments.strip()) if head.startswith("/") and name.replace("-", "").isalnum() else None


def find(name: str) -> ChatCommand:
    """Raises `Invalid` where nobody answers to `/name`."""
    if name not in _commands:
        raise Invalid(f"there is no command /{name[:64]}: /help lists what there is")
    return _commands[name]
