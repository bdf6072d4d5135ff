"""The person a connection acts for: looked up in the database at the entrance, and again while it is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model, load_backend
from django.http import parse_cookie
from django.utils.crypto import constant_time_compare

from dashboards.live.origins import Headers
from devices.access import Person
from devices.spaces import tokens


@dataclass(frozen=True, slots=True)
class LoginKey:
    """The proof of a client's login: an API token, or the key of a login session. Kept out of logs."""

    token: str | None = field(default=None, repr=False)
    session_key: str = field(default="", repr=False)


def read(headers: Headers) -> LoginKey:
    """Reads the headers of a request. With a Bearer token the cookie does not count."""
    cookies: dict[str, str] = {}
    for name, value in headers:
        text = value.decode("latin-1")
        if name == b"authorization":
            scheme, _, token = text.partition(" ")
            if scheme.lower() == "bearer":
                return LoginKey(token=token.strip())
        elif name == b"cookie":
            cookies |= parse_cookie(text)
    return LoginKey(session_key=cookies.get(settings.SESSION_COOKIE_NAME, ""))


def person(login: LoginKey) -> Person | None:
    """Returns the active person whose login this is; `None` once it has ended.

    Reads the rows each time: a session that was loaded once still counts as authenticated after a logout elsewhere. A
    login has ended when the session is gone or expired, the password has changed, the person is inactive or deleted, or
    the token is deleted.
    """
    if login.token is not None:
        return tokens.owner(login.token)
    return _of_session(login.session_key) if login.session_key else None


def _of_session(key: str) -> Person | None:
    """Does what `django.contrib.auth.get_user` does for a page, but writes nothing: `get_user` deletes a session that
    does not fit the password, and the page on which people change their own password is about to make it fit.
    """
    session: Any = import_module(settings.SESSION_ENGINE).SessionStore(key)
    backend = session.get(BACKEND_SESSION_KEY)
    if SESSION_KEY not in session or backend not in settings.AUTHENTICATION_BACKENDS:
        return None
    user: Any = load_backend(backend).get_user(get_user_model()._meta.pk.to_python(session[SESSION_KEY]))
    if user is None or not user.is_active:
        return None
    given = session.get(HASH_SESSION_KEY, "")
    valid = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return user if any(constant_time_compare(given, known) for known in valid) else None
