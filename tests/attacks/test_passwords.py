"""Guessing passwords at a hub behind a proxy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.hub import RunningHub
from tests.support.servers import HubServer

GUESSES, AT_ONCE = 40, 30


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    server = RunningHub(tmp_path_factory.mktemp("hub"), TRUSTED_PROXIES="127.0.0.1")
    server.start()
    yield server
    server.stop()
    print(server.output)


def sign_in(hub: RunningHub, username: str, password: str, address: str) -> int:
    """The status of the answer: 302 after the right password, 200 after a wrong one, 429 if it was not checked."""
    with httpx.Client(base_url=hub.url, headers={"X-Forwarded-For": address}, timeout=60) as browser:
        browser.get("/login/")
        form = {"username": username, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        return browser.post("/login/", data=form).status_code


def guess(hub: RunningHub, username: str, addresses: list[str]) -> Counter[int]:
    """Statuses of wrong passwords from these addresses, sent at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(lambda address: sign_in(hub, username, "wrong", address), addresses))


def test_an_account_cannot_be_guessed_from_many_addresses(hub: RunningHub) -> None:
    assert sign_in(hub, "alice", HubServer.PASSWORD, "192.0.2.7") == 302
    found = guess(hub, "alice", [f"198.51.100.{host}" for host in range(GUESSES)])
    assert found[200] == 10
    assert found[429] == GUESSES - 10
    assert sign_in(hub, "alice", HubServer.PASSWORD, "203.0.113.5") == 429
    assert sign_in(hub, "alice", HubServer.PASSWORD, "192.0.2.7") == 302  # she is not locked out where she was before


def test_accounts_cannot_be_tried_one_after_the_other_from_one_network(hub: RunningHub) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tried = pool.map(lambda n: sign_in(hub, f"person-{n}", "wrong", f"2001:db8::{n:x}"), range(GUESSES))
        found = Counter(tried)
    # Beyond 20 at once some are turned away unchecked; all others count.
    assert 20 <= found[200] <= 30
    assert found[200] + found[429] == GUESSES
    assert sign_in(hub, "bob", HubServer.PASSWORD, "192.0.2.9") == 302


def test_the_log_names_the_account_and_the_address(hub: RunningHub) -> None:
    hub.forget_output()
    assert sign_in(hub, "carol", "wrong", "198.51.100.200") == 200
    hub.wait_for("a wrong password for 'carol' from 198.51.100.200")


def test_guesses_leave_the_hub_quick_for_others(hub: RunningHub) -> None:
    """Each check of a password occupies a processor for a fifth of a second."""
    addresses = [f"10.0.{number}.1" for number in range(AT_ONCE)]
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=hub.url, timeout=60) as honest:
        attack = pool.submit(guess, hub, "nobody", addresses)
        took = []
        while not attack.done():
            took.append(honest.get("/healthz").elapsed.total_seconds())
    took.sort()
    print(f"/healthz during {AT_ONCE} parallel guesses: median {took[len(took) // 2]:.3f} s, worst {took[-1]:.3f} s")
    assert took[len(took) // 2] < 0.2
