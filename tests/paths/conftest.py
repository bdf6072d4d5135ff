from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.hub import RunningHub


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
