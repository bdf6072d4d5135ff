from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.db import InterfaceError

from devices.runtime import database
from devices.spaces import expiry, passwords
from devices.spaces.models import FailedSignIn, KnownNetwork
from devices.spaces.passwords import KNOWN_US, LONGEST_WAIT_S, WINDOW_US, PasswordQueue, TooManyAttempts, sign_in
from tests.support.eventually import eventually

pytestmark = pytest.mark.both_databases

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.1"


class Clock:
    us = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.us

    def forward(self, seconds: float) -> None:
        self.us += int(seconds * 1_000_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(passwords, "now_us", clock)
    monkeypatch.setattr(expiry, "now_us", clock)
    return clock


def fail(username: str, address: str, times: int = 1) -> None:
    for _ in range(times):
        assert sign_in(username, "wrong", address) is None


def succeed(username: str, address: str) -> None:
    person = sign_in(username, f"{username}'s password", address)
    assert person is not None
    assert person.get_username() == username


def wait_s(username: str, address: str) -> int:
    with pytest.raises(TooManyAttempts) as refused:
        sign_in(username, f"{username}'s password", address)
    return refused.value.wait_s


def test_an_account_slows_down_for_all_addresses_together(alice: User, bob: User, clock: Clock) -> None:
    for host in range(10):
        fail("alice", f"198.51.100.{host}")
    assert wait_s("alice", "203.0.113.5") == 30
    succeed("bob", "203.0.113.5")
    clock.forward(30)
    succeed("alice", "203.0.113.5")


def test_a_name_longer_than_any_is_stored_only_in_part(alice: User, clock: Clock) -> None:
    fail("a" * 1_000, ELSEWHERE)
    assert FailedSignIn.objects.get().account == "a" * 150


def test_the_wait_doubles_up_to_a_quarter_of_an_hour(alice: User, clock: Clock) -> None:
    fail("alice", ELSEWHERE, 10)
    waits = []
    for _ in range(7):
        waits.append(wait_s("alice", ELSEWHERE))
        clock.forward(waits[-1])
        fail("alice", ELSEWHERE)
    assert waits == [30, 60, 120, 240, 480, LONGEST_WAIT_S, LONGEST_WAIT_S]


def test_an_address_slows_down_for_all_accounts_together(alice: User, bob: User, clock: Clock) -> None:
    for number in range(30):
        fail(f"person-{number}", HOME)
    assert wait_s("alice", HOME) == 30
    succeed("bob", ELSEWHERE)


def test_a_network_of_ipv6_counts_as_one_address(alice: User, clock: Clock) -> None:
    for number in range(30):
        fail(f"person-{number}", f"2001:db8::{number:x}")
    assert wait_s("alice", "2001:db8::ffff") == 30
    succeed("alice", "2001:db8:0:1::1")


def test_nobody_locks_a_person_out_of_the_place_where_they_signed_in_before(alice: User, clock: Clock) -> None:
    succeed("alice", HOME)
    for host in range(10):
        fail("alice", f"198.51.100.{host}")
    for number in range(30):
        fail(f"person-{number}", HOME)
    succeed("alice", HOME)
    assert wait_s("alice", "203.0.113.5") == 30


def test_a_known_address_slows_down_for_its_own_failures(alice: User, clock: Clock) -> None:
    succeed("alice", HOME)
    fail("alice", HOME, 10)
    assert wait_s("alice", HOME) == 30


def test_a_success_ends_the_failures_of_the_account_there(alice: User, clock: Clock) -> None:
    fail("alice", HOME, 9)
    succeed("alice", HOME)
    fail("alice", HOME, 9)
    succeed("alice", HOME)


def test_a_refused_attempt_prolongs_nothing(alice: User, clock: Clock) -> None:
    fail("alice", HOME, 10)
    clock.forward(29)
    assert wait_s("alice", HOME) == 1
    assert FailedSignIn.objects.count() == 10


def test_failures_are_forgotten_after_an_hour_and_removed(alice: User, clock: Clock) -> None:
    succeed("alice", HOME)
    fail("alice", ELSEWHERE, 10)
    clock.us += WINDOW_US
    succeed("alice", "203.0.113.5")
    clock.us += 1
    assert expiry.remove_expired() is False
    assert not FailedSignIn.objects.exists()
    clock.us += KNOWN_US + 1
    assert expiry.remove_expired() is False
    assert not KnownNetwork.objects.exists()


def test_the_log_names_the_account_and_the_address(alice: User, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    fail("alice", ELSEWHERE, 10)
    assert "a wrong password for 'alice' from 198.51.100.1; the next one in 30 s" in caplog.text


def test_the_log_does_not_show_what_may_be_a_password(
    alice: User, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    fail("hunter2", ELSEWHERE)
    assert "for an unknown account from 198.51.100.1" in caplog.text
    assert "hunter2" not in caplog.text


def test_expired_sessions_are_removed_in_steps(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from django.contrib.sessions.models import Session
    from django.utils import timezone

    monkeypatch.setattr(expiry, "ROWS_AT_ONCE", 2)
    now = timezone.now()
    for number in range(4):
        expires = now + timedelta(hours=1) if number == 0 else now - timedelta(hours=1)
        Session.objects.create(session_key=f"{number}", session_data="", expire_date=expires)
    assert expiry.remove_expired() is True
    assert expiry.remove_expired() is False
    assert [session.session_key for session in Session.objects.all()] == ["0"]


def test_few_passwords_are_checked_at_once() -> None:
    queue, inside, peak, lock = PasswordQueue(), 0, 0, threading.Lock()
    full = threading.Barrier(passwords.MAX_AT_ONCE, timeout=60)

    def check(number: int) -> None:
        nonlocal inside, peak
        with queue.turn(f"192.0.2.{number}"):
            with lock:
                inside += 1
                peak = max(peak, inside)
            full.wait()
            with lock:
                inside -= 1

    threads = [threading.Thread(target=check, args=[number]) for number in range(4 * passwords.MAX_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert peak == passwords.MAX_AT_ONCE


@pytest.mark.django_db(transaction=True)
def test_sign_ins_that_wait_hold_no_connection_to_the_database(
    alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PASSWORD_HASHERS = ["devices.runtime.password_hashes.BackgroundPBKDF2"]
    hashing, may_go_on = threading.Semaphore(0), threading.Event()

    def encode(*_: object) -> str:
        hashing.release()
        assert may_go_on.wait(60)
        return "pbkdf2_sha256$1$salt$hash"

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", encode)
    with ThreadPoolExecutor(passwords.MAX_WAITING) as threads:
        try:
            answers = [
                threads.submit(database.with_connection, partial(sign_in, f"person-{n}", "wrong", f"192.0.2.{n}"))
                for n in range(passwords.MAX_WAITING)
            ]
            for _ in range(passwords.MAX_AT_ONCE):
                assert hashing.acquire(timeout=60)
            eventually(lambda: passwords._queue._waiting.total() == passwords.MAX_WAITING)
            began = time.monotonic()
            with ThreadPoolExecutor(8) as others:  # as many as the pool has connections
                found = [others.submit(database.with_connection, User.objects.count) for _ in range(8)]
                assert [each.result() for each in found] == [1] * 8
            assert time.monotonic() - began < 2
        finally:
            may_go_on.set()
        assert [answer.result() for answer in answers] == [None] * passwords.MAX_WAITING


def test_a_sign_in_gives_its_place_back_when_the_database_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise InterfaceError

    queue = PasswordQueue()
    monkeypatch.setattr(database, "release_connections", fail)
    with pytest.raises(InterfaceError), queue.turn("192.0.2.1"):
        pass
    assert not queue._waiting


def test_one_address_cannot_fill_the_queue() -> None:
    queue = PasswordQueue()
    for _ in range(passwords.MAX_WAITING_OF_NETWORK):
        queue._enter("192.0.2.1")
    with pytest.raises(TooManyAttempts):
        queue._enter("192.0.2.1")
    for number in range(passwords.MAX_WAITING - passwords.MAX_WAITING_OF_NETWORK):
        queue._enter(f"198.51.100.{number}")
    with pytest.raises(TooManyAttempts):
        queue._enter("203.0.113.5")
