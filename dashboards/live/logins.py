"""Who a connection acts for: asked of the database at the door, and again for as long as it is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import parse_cookie

from dashboards.live.origins import Headers
from devices.access import Person
from devices.queries import tokens


@dataclass(frozen=True, slots=True)
class Login:
    """What a connection has shown: an API token or the key of a login session. Kept out of logs."""

    token: str | None = field(default=None, repr=False)
    session_key: str = field(default="", repr=False)


def read(headers: Headers) -> Login:
    """The login in the headers of a handshake. With a Bearer token the cookie does not count."""
    cookies: dict[str, str] = {}
    for name, value in headers:
        text = value.decode("latin-1")
        if name == b"authorization":
            scheme, _, token = text.partition(" ")
            if scheme.lower() == "bearer":
                return Login(token=token.strip())
        elif name == b"cookie":
            cookies |= parse_cookie(text)
    return Login(session_key=cookies.get(settings.SESSION_COOKIE_NAME, ""))


def person(login: Login) -> Person | None:
    """The active person whose login this is; `None` once it has ended.

    Reads the rows each time: a session that was loaded once goes on saying that it is authenticated after a logout
    elsewhere. Ended means: session gone or expired, password changed, person inactive or deleted, token deleted.
    """
    if login.token is not None:
        return tokens.owner(login.token)
    if not login.session_key:
        return None
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore(login.session_key)
    found = get_user(SimpleNamespace(session=store))  # type: ignore[arg-type]  # it looks at nothing but the session
    return found if found.is_authenticated and found.is_active else None
