"""Allowed origins of a browser's request: the cookie proves the person, the Origin header names the page's site."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.conf import settings

Headers = Iterable[tuple[bytes, bytes]]

_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}


def is_allowed(headers: Headers, *, required: bool = True) -> bool:
    """Whether the one Origin header names one of `settings.ALLOWED_ORIGINS`: scheme, host and port.

    `null`, repeated and malformed ones are refused, and so is a missing one where it is `required`.
    """
    origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
    if not origins:
        return not required
    if len(origins) != 1:
        return False
    origin = _parse(origins[0])
    return origin is not None and any(origin == _parse(allowed) for allowed in settings.ALLOWED_ORIGINS)


def _parse(text: str) -> tuple[str, str, int] | None:
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    scheme, host, port = found.groups()
    return scheme, host, int(port) if port else _PORTS[scheme]
