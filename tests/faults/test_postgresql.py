"""While PostgreSQL is unavailable, nothing is acknowledged or lost, and the hub reports it instead of hanging."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial

import httpx
import pytest

from tests.support.eventually import eventually
from tests.support.postgres import Postgres
from tests.support.servers import START_S
from tests.support.soak import usually
from tests.support.stack import Stack

OUTAGE_S = usually(6, soak=30)
PER_SECOND = 200
MESSAGES = PER_SECOND * (OUTAGE_S + 4)
RED_S = GREEN_S = 10
ANSWER_S = 20
"""How long a page or the API may take to say that the database is unavailable; twice what they need."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Stack]:
    """Shared: each test has a device of its own."""
    folder, settings = tmp_path_factory.mktemp("stack"), {"DATABASE_URL": postgres.url}
    with Stack(folder, webs=("daphne",), **settings) as found:
        yield found


@contextmanager
def stopped(postgres: Postgres) -> Iterator[None]:
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    postgres.freeze()
    try:
        yield
    finally:
        postgres.thaw()


@pytest.mark.parametrize(("fault", "device"), [(stopped, 0), (frozen, 1)])
def test_an_unavailable_postgresql_loses_no_message_and_is_reported(
    stack: Stack, postgres: Postgres, fault: Callable[[Postgres], AbstractContextManager[None]], device: int
) -> None:
    browser = _signed_in(stack)
    assert stack.get("/readyz").status_code == browser.get("/").status_code == 200
    publisher = stack.publisher(MESSAGES, device, per_second=PER_SECOND)
    publisher.wait_until_sent(PER_SECOND)
    with ThreadPoolExecutor() as threads:
        with fault(postgres):
            back_at = time.monotonic() + OUTAGE_S
            with suppress(httpx.ReadTimeout):  # a client that does not wait must not delay the others
                browser.get("/", timeout=1)
            asked = [
                threads.submit(_timed, partial(stack.get, "/api/v1/devices", timeout_s=ANSWER_S)),
                threads.submit(_timed, partial(browser.get, "/", timeout=ANSWER_S)),
                threads.submit(_timed, partial(browser.get, "/devices/counter-0/", timeout=ANSWER_S)),
            ]
            red_s = eventually(lambda: not _ready(stack)["ok"], RED_S)
            while time.monotonic() < back_at or not all(answer.done() for answer in asked):
                assert stack.get("/healthz", timeout_s=5).status_code == 200
                time.sleep(0.5)
        green_s = eventually(lambda: _ready(stack)["ok"], GREEN_S)
    took_s = stack.check(publisher)
    print(
        f"/readyz red after {red_s:.1f} s, green {green_s:.1f} s after the fault; drained {took_s:.1f} s after the last"
    )
    _assert_reported(asked)


def test_messages_that_are_not_stored_are_not_acknowledged(stack: Stack, postgres: Postgres) -> None:
    """After the bridge was killed while PostgreSQL was unavailable, the broker still has everything."""
    with stopped(postgres):
        publisher = stack.publisher(1_000, 2)
        publisher.join()
        stack.bridge.wait_for("the database is unavailable")
        stack.bridge.kill()
    stack.bridge.start()
    stack.check(publisher)


def _signed_in(stack: Stack) -> httpx.Client:
    client = httpx.Client(base_url=stack.daphne.url, timeout=START_S)
    client.cookies.set("hubbub_session", stack.records.sign_in("alice"))
    return client


def _ready(stack: Stack) -> dict[str, bool | str]:
    """What /readyz says of the database."""
    found: dict[str, bool | str] = stack.get("/readyz").json()["database"]
    return found


def _timed(get: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    start = time.monotonic()
    return get(), time.monotonic() - start


def _assert_reported(asked: list[Future[tuple[httpx.Response, float]]]) -> None:
    for answer in asked:
        response, took_s = answer.result()
        print(f"{response.request.url.path}: {response.status_code} after {took_s:.1f} s")
        assert response.status_code == 503
        assert "database is unavailable" in response.text
