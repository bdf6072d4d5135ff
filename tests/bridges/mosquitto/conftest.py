from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bridges.mosquitto.exported import Exported


@pytest.fixture
def export(tmp_path: Path) -> Iterator[Callable[..., Exported]]:
    """A running Mosquitto, as the command with these options configures it."""
    made = []

    def export(*options: str) -> Exported:
        made.append(Exported(tmp_path, *options))
        made[-1].start()
        return made[-1]

    yield export
    for each in made:
        each.exporter.stop()
        each.stop()


@pytest.fixture
def broker(export: Callable[..., Exported]) -> Exported:
    return export()


@pytest.fixture(scope="module")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """For tests that change no account."""
    found = Exported(tmp_path_factory.mktemp("shared"))
    found.start()
    yield found
    found.stop()
