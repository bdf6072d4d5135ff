"""Mosquitto's accounts and their rights: the texts of its password file and its ACL. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bridges.mosquitto.programs import Program
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


def password_file(bridge: BridgeAccount, devices: Mapping[str, str], programs: Iterable[Program] = ()) -> str:
    """The password file for the bridge, for `devices`, uid -> `$7$` hash, and for the programs of people.

    A device with the bridge's name is left out: it would have the bridge's rights over all the others.
    """
    if bridge.username in devices:
        logger.error("the device %r cannot sign in: its uid is the name of the bridge", bridge.username)
    lines = [f"{bridge.username}:{bridge.hashed}"]
    lines += [f"{uid}:{hashed}" for uid, hashed in sorted(devices.items()) if uid != bridge.username and is_uid(uid)]
    lines += [f"{program.username}:{program.hashed}" for program in programs]
    return "".join(f"{line}\n" for line in lines)


_OF_GATEWAY = """\
user {uid}
topic write gateways/{uid}/+/telemetry
topic write gateways/{uid}/+/status
topic write gateways/{uid}/+/attributes
topic write gateways/{uid}/+/answers/+
topic read gateways/{uid}/+/commands/+
"""


def acl(bridge_username: str, programs: Iterable[Program] = (), gateways: Iterable[str] = ()) -> str:
    """The ACL: the bridge may use all of `devices/` and `gateways/`, a device only its own part of it, a gateway also
    what it needs to speak for others, and a program may read what the devices of its person report.

    A user name with a `/` would widen `%u` to a deeper topic; the password file has no such names.
    """
    rules = _Rules()
    parts = [
        f"user {bridge_username}\ntopic readwrite devices/#\ntopic readwrite gateways/#\n"
        "topic write homeassistant/device/#\n"
    ]
    parts += [_OF_GATEWAY.format(uid=uid) for uid in sorted(gateways) if uid != bridge_username and is_uid(uid)]
    parts += [rules.of(program) for program in programs]
    return "\n".join([*parts, "pattern readwrite devices/%u/#\n"])


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
