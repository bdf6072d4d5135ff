"""A whole hub with the demo space, and the means to act in it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.support.servers import HubServer


@dataclass(frozen=True)
class Credentials:
    """What a device signs in with."""

    uid: str
    secret: str


class RunningHub(HubServer):
    """A hub with the demo space, and the means to act in it."""

    def create_device(self, uid: str) -> Credentials:
        made = json.loads(self.manage("createdevice", uid, "--space", "demo"))
        return Credentials(made["uid"], made["secret"])

    def create_token(self, username: str) -> str:
        return self.manage("createtoken", username).strip()
