"""The names of a bridge's sessions at its broker, which a device cannot guess. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

_GROUP_OF_0_1 = "hubbub"
"""The group of the bridges of version 0.1, whose client ids were the names of the bridges."""


@dataclass(frozen=True, slots=True)
class SessionName:
    """The client id of a bridge, and the group in which it shares a subscription with other bridges.

    A client that connects with the client id takes over the session, and one that joins the group gets a share of the
    messages. The repr leaves both out.
    """

    client_id: str
    group: str

    @classmethod
    def of(cls, bridge: str, secret: str) -> SessionName:
        """`bridge`: its name, such as `hubbub-bridge-2`. The client id, which brokers log, does not show the group."""
        digest = hashlib.blake2b(secret.encode(), digest_size=16, person=b"client id").hexdigest()
        return cls(f"{bridge}-{digest}", f"hubbub-{secret}")

    @property
    def outbound_client_id(self) -> str:
        """The client id of the session that publishes commands."""
        return f"{self.client_id}-out"

    def __repr__(self) -> str:
        return "SessionName(…)"


def retired(bridge: str, secrets: Iterable[str]) -> list[SessionName]:
    """The sessions that the bridge may have left at its broker under earlier secrets, and before there were secrets."""
    return [SessionName(bridge, _GROUP_OF_0_1), *(SessionName.of(bridge, secret) for secret in secrets)]
