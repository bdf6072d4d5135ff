"""Admission of clients: the same checks in the same order, whatever carries the connection."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from django.conf import settings
from django.db import Error as DatabaseError

from dashboards.live import logins, origins
from dashboards.live.connection import Connection
from dashboards.live.errors import EntryRefused
from dashboards.live.origins import Headers
from dashboards.live.relay import Relay
from devices.runtime import database, stats
from devices.runtime.log_throttle import LogThrottle

logger = logging.getLogger("hubbub.live")

foreign_origins = LogThrottle()


async def admit(
    relay: Relay, headers: Headers, *, origin_required: bool, accept: Callable[[], Awaitable[None]]
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
    try:
        person = await database.run(logins.person, login)
    except DatabaseError as error:
        logger.warning("no database to look up a login: %s", error)
        raise EntryRefused("unavailable", "the database is unavailable: try again later") from None
    if person is None:
        raise EntryRefused("unauthenticated", "sign in, or send a valid token")
    if relay.closing:
        raise EntryRefused("unavailable", "the hub is restarting: try again later")
    if 0 < settings.CONNECTION_LIMIT <= relay.connections_of(int(person.pk or 0)):
        raise EntryRefused("too_many", f"a person may have {settings.CONNECTION_LIMIT} connections")
    return Connection(person, login, relay.clock, relay.number)
