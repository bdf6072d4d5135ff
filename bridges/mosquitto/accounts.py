"""Who may sign in at Mosquitto, and what each may touch there: the texts of its password file and its ACL. Pure."""

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
    """The hub's own account. `hashed` is its password in the `$7$` form."""

    username: str
    hashed: str = field(repr=False)

    @classmethod
    def make(cls, username: str, password: str) -> BridgeAccount:
        """Raises `AccountError`; the text never holds the password."""
        if not username.isprintable() or not username.strip() or username != username.strip() or ":" in username:
            raise AccountError(f"the bridge cannot sign in as {username!r}: a name without ':' and spaces around it")
        if not password or "\0" in password:
            raise AccountError("the bridge's password is empty or holds a NUL character")
        return cls(username, hash_secret(password))


def passwords(bridge: BridgeAccount, devices: Mapping[str, str]) -> str:
    """The password file for the bridge and for `devices`, uid -> `$7$` hash.

    A device of the bridge's name is left out: it would have the bridge's rights over all the others.
    """
    if bridge.username in devices:
        logger.error("the device %r cannot sign in: the bridge has this name", bridge.username)
    lines = [f"{bridge.username}:{bridge.hashed}"]
    lines += [f"{uid}:{hashed}" for uid, hashed in sorted(devices.items()) if uid != bridge.username and is_uid(uid)]
    return "".join(f"{line}\n" for line in lines)


def acl(bridge_username: str) -> str:
    """The ACL: the bridge touches all of `devices/`, everybody else their own part. What nothing allows is refused.

    `%u` takes a `/` in a user name as it is; only `is_uid` names are in the password file.
    """
    return f"user {bridge_username}\ntopic readwrite devices/#\n\npattern readwrite devices/%u/#\n"
