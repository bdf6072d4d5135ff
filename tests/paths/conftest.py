from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.hub import RunningHub


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A whole hub, shared by all tests of a process. They leave it running, and each creates its own devices."""
    server = RunningHub(tmp_path_factory.mktemp("hub"))
    server.start()
    yield server
    code = server.stop()
    print(server.output)
    assert code == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for each file: while Playwright's event loop is running, no asynchronous test can run."""
    with chromium() as found:
        yield found
