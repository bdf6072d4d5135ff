"""Admission of clients: the same checks in the same order, whatever carries the connection."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Hashable

from django.conf import settings
from django.db import Error as DatabaseError

from dashboards.live import logins, origins
from dashboards.live.connection import Connection
from dashboards.live.errors import EntryRefused
from dashboards.live.logins import LoginKey
from dashboards.live.origins import Headers
from dashboards.live.relay import Relay
from devices.access import Person
from devices.errors import TooMany
from devices.runtime import stats
from devices.runtime.log_throttle import LogThrottle
from devices.runtime.login_checks import checks

logger = logging.getLogger("hubbub.live")

foreign_origins = LogThrottle()


async def admit(
    relay: Relay, headers: Headers, address: str, *, origin_required: bool, accept: Callable[[], Awaitable[None]]
) -> Connection:
    """Returns the connection of a person who may come in. Raises `EntryRefused`.

    `origin_required`: whether browsers name their page's origin in each request of this kind, so that a request with a
    cookie and without an origin does not come from a page of the hub. `accept` is called once the origin is known to be
    right, before the database is asked.
    """
    login = logins.read(headers)
    if login.token is None and not origins.is_allowed(headers, required=origin_required):
        stats.requests_rejected.labels("origin").inc()
        foreign_origins.warning(logger, "refused a connection from a foreign origin")
        raise EntryRefused("forbidden", "another page may not read this in somebody's name")
    await accept()
    _refuse_penalized(relay, login)
    person = await _look_up(login, address)
    if person is None:
        raise EntryRefused("unauthenticated", "sign in, or send a valid token")
    _refuse_penalized(relay, int(person.pk or 0))
    if relay.closing:
        raise EntryRefused("unavailable", "the hub is restarting: try again later")
    if 0 < settings.CONNECTION_LIMIT <= relay.connections_of(int(person.pk or 0)):
        raise EntryRefused("too_many", f"a person may have {settings.CONNECTION_LIMIT} connections")
    return Connection(person, login, relay.clock, relay.number)


async def _look_up(login: LoginKey, address: str) -> Person | None:
    try:
        return await checks.run(address, logins.person, login)
    except TooMany as error:
        raise EntryRefused("unavailable", error.message) from None
    except DatabaseError as error:
        logger.warning("no database to look up a login: %s", error)
        raise EntryRefused("unavailable", "the database is unavailable: try again later") from None


def _refuse_penalized(relay: Relay, key: Hashable) -> None:
    if wait_s := math.ceil(relay.penalties.wait_s(key)):
        stats.connections_refused.inc()
        reason = "a connection of yours was closed because of what it sent"
        raise EntryRefused("too_many", f"{reason}: come back in {wait_s} s", wait_s)
