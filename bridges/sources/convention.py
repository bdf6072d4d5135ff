"""The contract of a convention: what a family of devices publishes, and how it is commanded. Pure.

A convention keeps what it has learned of its devices in memory (names, aliases, units), and learns it again from
retained messages, or by asking, after a restart. It does no I/O and never looks at the clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from devices.commands.args import by_metric
from devices.commands.states import agree
from devices.errors import Invalid, Refusal
from devices.values import Report, Telemetry

MAX_ADDRESS = 255
"""Characters of a device's address."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the broker. `at`: its receipt in microseconds; `retained`: repeated to us as a new subscriber."""

    topic: str
    payload: bytes
    at: int
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Encoded:
    """A payload that only a decoder of the device's vendor can read, in place of a report.

    `profile`: the vendor's name of the device's model, by which a decoder may be chosen. `time`: when it was sent,
    in microseconds; `None`: on receipt. `fallback`: what is stored where there is no decoder.
    """

    payload: bytes
    f_port: int
    at: int
    time: int | None = None
    profile: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    fallback: Telemetry | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message shows of one device. `report` is `None` where it only shows that there is such a device.

    - `address`: the device's own in its convention, which stays when it is renamed.
    - `name`: what its owner calls it, where the message shows that.
    - `via`: the address of the bridge or gateway that speaks for it, if there is one.
    """

    address: str
    report: Report | Encoded | None = None
    name: str = ""
    via: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A part of a message that cannot be used: shown at the device of this address, or at the source without one."""

    address: str
    refusal: Refusal
    kind: str = "telemetry"


@dataclass(frozen=True, slots=True)
class Gone:
    """The device was removed from its bridge or network: it is no longer found. One that was added stays."""

    address: str


@dataclass(frozen=True, slots=True)
class Publish:
    """A message that the hub is to publish. Commands are never retained."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


Finding = Heard | Rejected | Gone | Publish


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command to the device of `address` that was sent and has no answer yet."""

    id: str
    address: str
    name: str
    args: Mapping[str, Any]


class Convention(ABC):
    """One for each source: `prefix` is the source's, without a slash at its end."""

    default_prefix: ClassVar[str] = ""
    answers: ClassVar[bool] = False
    """Whether its devices answer each command with its id. If not, their state confirms it, or nothing does."""
    raw_downlinks: ClassVar[bool] = False
    """Whether its devices have a command `downlink` with `bytes` in hexadecimal and an `f_port`, which a decoder of the
    device can make of a `set`."""
    max_payload: ClassVar[int] = 128 * 1024
    """Bytes of its largest message."""

    def __init__(self, prefix: str, options: Mapping[str, Any] | None = None) -> None:
        """`options`: what the owner has set beside the prefix. Raises `Invalid` for what cannot work."""
        self.prefix = prefix or self.default_prefix
        self.options = options or {}
        self.started_at = 0
        """When the hub began to listen, in microseconds."""

    @abstractmethod
    def filters(self) -> Collection[str]:
        """The topic filters to subscribe to. They may grow with what was heard, up to a bound."""

    def command_filters(self) -> Collection[str]:
        """Filters that cover the topics on which the hub publishes: what the owner's broker must let it write."""
        return ()

    def device_filters(self) -> Collection[str]:
        """Filters that cover every topic that the devices, or their bridge, publish or subscribe to."""
        return [*self.filters(), *self.command_filters()]

    @abstractmethod
    def hear(self, message: Message) -> Iterable[Finding]:
        """What a message shows. Raises `Refusal` for one that cannot be read and names no device."""

    def command(self, address: str, name: str, args: Mapping[str, Any], id: str) -> Sequence[Publish]:
        """The messages that carry a command out. Raises `Invalid` for one that the device cannot have."""
        raise Invalid("devices of this convention receive no commands")

    def done(self, command: SentCommand, heard: Heard) -> bool:
        """Whether what was heard of the device shows that the command was carried out: it reports each value asked
        for. Answers with an id are reports of their own."""
        if not isinstance(heard.report, Telemetry):
            return False
        reported = {sample.metric: sample.value for sample in heard.report.samples}
        wanted = {name: value for name, value in by_metric(dict(command.args)).items() if name in reported}
        return bool(wanted) and all(agree(value, reported[name]) for name, value in wanted.items())

    def greeting(self) -> Sequence[Publish]:
        """Messages to publish at each connection, such as a request to devices to announce themselves."""
        return ()

    def farewell(self) -> Publish | None:
        """The will of the hub's connection, published at its end too."""
        return None
