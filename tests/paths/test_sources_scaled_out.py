"""Sources where several bridges run: one of them listens to a source, and another one once it is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.owner import OwnersMosquitto, Plug
from tests.support.servers import Bridge, Part, Server
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(180)


class TwoBridges(Stack):
    """Two bridges of the same broker, and beside it the owner's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.owner = OwnersMosquitto(folder)
        self.bridge = Bridge(folder, self.settings, "--of", "2")
        self.second = Bridge(folder, self.settings, "--of", "2")

    @property
    def servers(self) -> list[Server]:
        return [self.owner, *super().servers, self.second]

    def manage(self, *arguments: str) -> str:
        assert isinstance(self.bridge, Part)
        return self.bridge.manage(*arguments)

    def found(self) -> list[str]:
        return [address for (address,) in self.rows("SELECT address FROM devices_founddevice")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoBridges]:
    with TwoBridges(tmp_path_factory.mktemp("two-bridges")) as running:
        yield running


def test_running_bridges_take_up_a_source_and_one_replaces_the_other(stack: TwoBridges) -> None:
    plug = Plug(stack.owner.port, "first")
    stack.manage(
        "shell",
        "-c",
        f"from devices.registry.sources import brokers\nbrokers.create('house', '127.0.0.1', {stack.owner.port})",
    )
    printed = json.loads(stack.manage("addsource", "tasmota", "--space", "demo", "--broker", "house"))
    assert printed.keys() == {"id"}  # the owner's broker has accounts of its own
    eventually(lambda: stack.found() == ["first"])

    leader = next(one for one in (stack.bridge, stack.second) if "leads those of broker house (sources)" in one.output)
    leader.kill()
    other = Plug(stack.owner.port, "second")
    eventually(lambda: set(stack.found()) == {"first", "second"})
    plug.leave()
    other.leave()
    leader.start()  # for the end of the stack
