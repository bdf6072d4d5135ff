"""Signing in with a password: how long those who guess have to wait, and how many passwords are checked at once."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractBaseUser, User
from django.db import transaction
from django.db.models import Count, Max, QuerySet

from devices.errors import TooMany
from devices.runtime import database, stats
from devices.runtime.addresses import network_of
from devices.spaces.models import FailedSignIn, KnownNetwork
from devices.values import now_us

logger = logging.getLogger("hubbub.passwords")

FAILURES_OF_ACCOUNT = 10
"""Wrong passwords for one account, from everywhere together, before the next one has to wait."""
FAILURES_OF_NETWORK = 30
"""The same from one address, for all accounts together: many people may share it."""
FIRST_WAIT_S, LONGEST_WAIT_S = 30, 900
"""The wait doubles with each further failure, from the first to the longest."""
MAX_ACCOUNT = 150
"""Characters of a username. A longer one is nobody's, and only its beginning is stored: the form lets any through."""
WINDOW_US = 3_600_000_000
"""How long a failure counts."""
KNOWN_US = 90 * 86_400_000_000
"""How long a network is known after its last sign-in."""

MAX_AT_ONCE = 4
"""Passwords that a process checks at once. Each occupies a processor for a fifth of a second."""
MAX_WAITING = 40
"""Sign-ins of a process that are under way or wait for that; one more is refused."""
MAX_WAITING_OF_NETWORK = 20


class TooManyAttempts(TooMany):
    """The password was not checked; it will be in `wait_s` seconds."""

    def __init__(self, message: str, wait_s: int) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class PasswordQueue:
    """Lets `MAX_AT_ONCE` threads through at a time; the others wait, up to `MAX_WAITING`."""

    def __init__(self) -> None:
        self._turns = threading.BoundedSemaphore(MAX_AT_ONCE)
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def turn(self, network: str) -> Iterator[None]:
        """Raises `TooManyAttempts`."""
        self._enter(network)
        try:
            database.release_connections()  # a few people who sign in would otherwise occupy all of them
            with self._turns:
                yield
        finally:
            self._leave(network)

    def _enter(self, network: str) -> None:
        with self._lock:
            if self._waiting.total() >= MAX_WAITING or self._waiting[network] >= MAX_WAITING_OF_NETWORK:
                stats.sign_ins.labels("busy").inc()
                raise TooManyAttempts("too many people are signing in at the moment", 1)
            self._waiting[network] += 1

    def _leave(self, network: str) -> None:
        with self._lock:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network]


_queue = PasswordQueue()


def sign_in(username: str, password: str, address: str) -> AbstractBaseUser | None:
    """The person, if the password is theirs. Raises `TooManyAttempts`.

    An account slows down for all addresses together, and an address for all accounts together. Somebody who guesses
    must not lock out the people of an account, so an address from which they have signed in before is judged only by
    its own failures with that account.
    """
    network, account = network_of(address), username[:MAX_ACCOUNT]
    _check(account, network)
    with _queue.turn(network):
        attempt = _begin(account, network)
        person = authenticate(username=username, password=password)
        if person is None:
            _failed(account, network, address)
        else:
            _succeeded(attempt, person, network, address)
        return person


def _check(account: str, network: str) -> None:
    wait_s = _wait_s(account, network)
    if wait_s > 0:
        stats.sign_ins.labels("slowed").inc()
        raise TooManyAttempts("too many attempts to sign in with this name or from your address have failed", wait_s)


def _begin(account: str, network: str) -> FailedSignIn:
    """Records the attempt as a failure before its password is checked: of many at once, none must go uncounted."""
    with transaction.atomic():
        _check(account, network)
        return FailedSignIn.objects.create(account=account, network=network, at=now_us())


def _wait_s(account: str, network: str) -> int:
    """Whole seconds until the next password is checked; 0: at once."""
    recent = FailedSignIn.objects.filter(at__gt=now_us() - WINDOW_US)
    of_account = recent.filter(account=account)
    if network and KnownNetwork.objects.filter(user__username=account, network=network).exists():
        return _wait_after(of_account.filter(network=network), FAILURES_OF_ACCOUNT)
    waits = [_wait_after(of_account, FAILURES_OF_ACCOUNT)]
    if network:
        waits.append(_wait_after(recent.filter(network=network), FAILURES_OF_NETWORK))
    return max(waits)


def _wait_after(failures: QuerySet[FailedSignIn], free: int) -> int:
    found = failures.aggregate(count=Count("pk"), last=Max("at"))
    further = found["count"] - free
    if further < 0:
        return 0
    wait_s = min(FIRST_WAIT_S * 2 ** min(further, 10), LONGEST_WAIT_S)
    return max(0, math.ceil((found["last"] - now_us()) / 1_000_000 + wait_s))


def _failed(account: str, network: str, address: str) -> None:
    stats.sign_ins.labels("failed").inc()
    # Not a name that nobody has: people type their password into the wrong field.
    whose = repr(account) if User.objects.filter(username=account).exists() else "an unknown account"
    wait_s = _wait_s(account, network)
    logger.warning(
        "a wrong password for %s from %s%s", whose, address, f"; the next one in {wait_s} s" if wait_s else ""
    )


def _succeeded(attempt: FailedSignIn, person: AbstractBaseUser, network: str, address: str) -> None:
    stats.sign_ins.labels("succeeded").inc()
    logger.info("%r signed in from %s", attempt.account, address)
    with transaction.atomic():
        FailedSignIn.objects.filter(account=attempt.account, network=network).delete()
        if network:
            KnownNetwork.objects.update_or_create(user_id=person.pk, network=network, defaults={"at": now_us()})
