"""A killed hub that runs everything in one process loses nothing that its embedded broker has acknowledged."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.publisher import Publisher
from tests.support.servers import HubServer, Server
from tests.support.soak import usually
from tests.support.stack import Stack

MESSAGES = usually(5_000, soak=10_000)
KILLS = 3

pytestmark = pytest.mark.timeout(240)


class EmbeddedStack(Stack):
    """One hub, with the embedded broker and SQLite."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.hub = HubServer(folder, DATA_DIR=str(self.data))

    @property
    def servers(self) -> list[Server]:
        return [self.hub]

    def publisher(self, messages: int, device: int = 0, **options: Any) -> Publisher:
        made = Publisher(self.hub.mqtt_port, self.devices[device], messages, **options)
        made.start()
        return made


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(tmp_path) as found:
        yield found


@pytest.mark.parametrize("seed", usually([1], soak=[1, 2, 3]))
def test_a_killed_hub_neither_loses_nor_duplicates_messages(stack: EmbeddedStack, seed: int) -> None:
    points = sorted(random.Random(seed).sample(range(500, MESSAGES - 500), KILLS))
    publisher = stack.publisher(MESSAGES)
    for point in points:
        publisher.wait_until_sent(point)
        stack.hub.stop(signal.SIGKILL)
        stack.hub.start()
    stack.check(publisher)


def test_a_stopped_hub_loses_nothing(stack: EmbeddedStack) -> None:
    publisher = stack.publisher(MESSAGES)
    publisher.wait_until_sent(MESSAGES // 2)
    assert stack.hub.stop() == 0
    stack.hub.start()
    stack.check(publisher)
