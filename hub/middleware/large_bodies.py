"""Bodies that are larger than a form may be: who may send them, and how many at once, before any of them is stored."""

from __future__ import annotations

import logging
from collections import Counter

from django.conf import settings
from django.http import HttpResponse

from bridges.rest.errors import problem
from dashboards.live import logins
from dashboards.live.origins import Headers
from devices.errors import TooMany
from devices.runtime import stats
from devices.runtime.database import UNAVAILABLE_ERRORS
from devices.runtime.login_checks import checks

logger = logging.getLogger("hubbub")

MAX_PER_PERSON, MAX_AT_ONCE = 4, 32
"""Large bodies that one person, and all together, may be sending at once to one web process. So what waits on the disk
is bounded, at 32 files of `FILE_LIMIT`. Others get 429."""

_places: Counter[int] = Counter()
"""Person -> their large bodies at the moment."""


class Place:
    """The place of one body, from its headers to the end of its response."""

    def __init__(self, person_id: int) -> None:
        self._person_id: int | None = person_id
        _places[person_id] += 1

    def release(self) -> None:
        if self._person_id is not None:
            _places[self._person_id] -= 1
            if not _places[self._person_id]:
                del _places[self._person_id]
            self._person_id = None


def is_large(length: int | None) -> bool:
    """Whether a body of this length needs a place; `None`: the length is not known yet."""
    return length is None or length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


async def admit(headers: Headers, address: str) -> Place | HttpResponse:
    """The place of a body whose request has these headers, or the answer that refuses it."""
    login = logins.read(headers)
    if login.token is None and not login.session_key:
        return _unauthenticated()
    try:
        person = await checks.run(address, logins.person, login)
    except TooMany as error:
        return problem("too_many", error.message)
    except UNAVAILABLE_ERRORS:
        logger.warning("a large request is refused: the database is unavailable")
        return problem("unavailable", "the database is unavailable: try again later")
    if person is None:
        return _unauthenticated()
    person_id = int(person.pk or 0)
    if _places[person_id] >= MAX_PER_PERSON or _places.total() >= MAX_AT_ONCE:
        stats.requests_rejected.labels("too_many").inc()
        return problem("too_many", "too many large requests at once: wait for one of them to end")
    return Place(person_id)


def _unauthenticated() -> HttpResponse:
    stats.requests_rejected.labels("unauthenticated").inc()
    response = problem("unauthenticated", "a body of more than 1 MiB needs a login or an API token")
    response["WWW-Authenticate"] = "Bearer"
    return response
