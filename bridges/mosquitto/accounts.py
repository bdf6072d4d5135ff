"""Mosquitto's accounts and their rights: the texts of its password file and its ACL. Pure."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from bridges.mosquitto.programs import Program
from bridges.sources.filters import RESERVED
from devices.runtime.credentials import hash_secret
from devices.values import is_uid

logger = logging.getLogger("hubbub.mosquitto")


def _readable(uid: str) -> list[str]:
    """What a program reads of a device: all that it reports, its announcement, and no commands."""
    reports = ("telemetry", "status", "attributes", "answers/#")
    return [*(f"devices/{uid}/{kind}" for kind in reports), f"homeassistant/device/{uid}/#"]


class AccountError(ValueError):
    """A bridge account that Mosquitto's files cannot hold."""


@dataclass(frozen=True, slots=True)
class BridgeAccount:
    """The hub's own account. `hashed` is its password as a `$7$` hash."""

    username: str
    hashed: str = field(repr=False)

    @classmethod
    def make(cls, username: str, password: str) -> BridgeAccount:
        """Raises `AccountError`; the text never holds the password."""
        if not username.isprintable() or not username.strip() or username != username.strip() or ":" in username:
            raise AccountError(
                f"the bridge cannot sign in as {username!r}: its name may not hold ':' or be framed by spaces"
            )
        if not password or "\0" in password:
            raise AccountError("the bridge's password is empty or holds the NUL character")
        return cls(username, hash_secret(password))


@dataclass(frozen=True, slots=True)
class SourceAccount:
    """A login of a source, which may use all topics of these filters. `hashed` is its secret as a `$7$` hash."""

    username: str
    hashed: str = field(repr=False)
    filters: tuple[str, ...]

    @property
    def rules(self) -> str:
        """What belongs to the hub's own accounts is denied first: a filter may begin with a wildcard."""
        denied = "".join(f"topic deny {level}/#\n" for level in RESERVED)
        return f"user {self.username}\n{denied}{_readwrite(self.filters)}"


def password_file(
    bridge: BridgeAccount,
    devices: Mapping[str, str],
    programs: Iterable[Program] = (),
    sources: Iterable[SourceAccount] = (),
) -> str:
    """The password file for the bridge, for `devices`, uid -> `$7$` hash, for the programs of people, and for sources.

    A device with the bridge's name is left out: it would have the bridge's rights over all the others.
    """
    if bridge.username in devices:
        logger.error("the device %r cannot sign in: its uid is the name of the bridge", bridge.username)
    lines = [f"{bridge.username}:{bridge.hashed}"]
    lines += [f"{uid}:{hashed}" for uid, hashed in sorted(devices.items()) if uid != bridge.username and is_uid(uid)]
    lines += [f"{program.username}:{program.hashed}" for program in programs]
    lines += [f"{source.username}:{source.hashed}" for source in sources]
    return "".join(f"{line}\n" for line in lines)


_OF_GATEWAY = """\
user {uid}
topic write gateways/{uid}/+/telemetry
topic write gateways/{uid}/+/status
topic write gateways/{uid}/+/attributes
topic write gateways/{uid}/+/answers/+
topic read gateways/{uid}/+/commands/+
"""


def acl(
    bridge_username: str,
    programs: Iterable[Program] = (),
    gateways: Iterable[str] = (),
    sources: Collection[SourceAccount] = (),
    listened: Iterable[str] = (),
) -> str:
    """The ACL: the bridge may use all of `devices/` and `gateways/`, a device only its own part of it, a gateway also
    what it needs to speak for others, and a program may read what the devices of its person report. A login of a source
    may use the source's topics, and the bridge all that are `listened` to.

    A user name with a `/` would widen `%u` to a deeper topic; the password file has no such names.
    """
    rules = _Rules()
    parts = [
        f"user {bridge_username}\ntopic readwrite devices/#\ntopic readwrite gateways/#\n"
        f"topic write homeassistant/device/#\n{_readwrite(sorted(set(listened)))}"
    ]
    parts += [_OF_GATEWAY.format(uid=uid) for uid in sorted(gateways) if uid != bridge_username and is_uid(uid)]
    parts += [rules.of(program) for program in programs]
    parts += [source.rules for source in sources]
    return "\n".join([*parts, "pattern readwrite devices/%u/#\n"])


def _readwrite(filters: Iterable[str]) -> str:
    return "".join(f"topic readwrite {each}\n" for each in filters)


class _Rules:
    """Most people watch the same devices, and the rules of a thousand devices are long."""

    def __init__(self) -> None:
        self._texts: dict[frozenset[str], str] = {}

    def of(self, program: Program) -> str:
        """The pattern for devices counts for every account, so a program is denied what it would give to it."""
        text = self._texts.get(program.watched)
        if text is None:
            text = "".join(f"topic read {topic}\n" for uid in sorted(program.watched) for topic in _readable(uid))
            self._texts[program.watched] = text
        return f"user {program.username}\ntopic deny devices/{program.username}/#\n{text}"
