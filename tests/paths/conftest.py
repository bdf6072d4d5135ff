from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.servers import HubServer


@dataclass(frozen=True)
class Credentials:
    uid: str
    secret: str


class RunningHub(HubServer):
    """A hub with the demo space, and the means to act in it."""

    def create_device(self, uid: str) -> Credentials:
        made = json.loads(self.manage("createdevice", uid, "--space", "demo"))
        return Credentials(made["uid"], made["secret"])

    def create_token(self, username: str) -> str:
        return self.manage("createtoken", username).strip()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """The whole hub, shared by the tests of a file. They leave it running."""
    server = RunningHub(tmp_path_factory.mktemp("hub"))
    server.start()
    yield server
    code = server.stop()
    print(server.output)
    assert code == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found
