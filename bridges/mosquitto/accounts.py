"""Mosquitto's accounts and their rights: the texts of its password file and its ACL. Pure."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from devices.runtime.credentials import hash_secret
from devices.values import is_uid

logger = logging.getLogger("hubbub.mosquitto")


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


def password_file(bridge: BridgeAccount, devices: Mapping[str, str]) -> str:
    """The password file for the bridge and for `devices`, uid -> `$7$` hash.

    A device with the bridge's name is left out: it would have the bridge's rights over all the others.
    """
    if bridge.username in devices:
        logger.error("the device %r cannot sign in: its uid is the name of the bridge", bridge.username)
    lines = [f"{bridge.username}:{bridge.hashed}"]
    lines += [f"{uid}:{hashed}" for uid, hashed in sorted(devices.items()) if uid != bridge.username and is_uid(uid)]
    return "".join(f"{line}\n" for line in lines)


def acl(bridge_username: str) -> str:
    """The ACL: the bridge may use all of `devices/`, every other account only its own part of it.

    A user name with a `/` would widen `%u` to a deeper topic; the password file holds only names that pass `is_uid`.
    """
    return f"user {bridge_username}\ntopic readwrite devices/#\n\npattern readwrite devices/%u/#\n"
