from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.browser import Chromium, Person, chromium
from tests.support.hub import RunningHub
from tests.support.stack import WebServer

Visit = Callable[..., Person]


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
def browser() -> Iterator[Chromium]:
    """One browser for each file: while Playwright's event loop is running, no asynchronous test can run."""
    with chromium() as found:
        yield found


@pytest.fixture
def visit(browser: Chromium) -> Iterator[Visit]:
    """`visit(hub, "alice", "/rooms/")`: a person who is signed in opens a page. No page may have errors or dialogs."""
    present: list[Person] = []

    def arrive(hub: RunningHub | WebServer, username: str, path: str = "/", **options: object) -> Person:
        person = Person(browser, hub, username, **options)
        present.append(person)
        person.sign_in(path)
        return person

    yield arrive
    for person in present:
        person.leave()
    assert [complaint for person in present for complaint in person.complaints] == []
