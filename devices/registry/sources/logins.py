"""Logins of sources: reads for brokers. `sources.create_login` makes them."""

from __future__ import annotations

from collections.abc import Iterable

from devices.errors import NotFound
from devices.registry.sources.models import Source, SourceLogin
from devices.registry.sources.sources import announce
from devices.runtime.credentials import hash_secret, new_secret, secret_matches
from devices.values import is_uid

_NOBODY = hash_secret(new_secret())
"""Compared with if a username is unknown, so that the time of an answer does not show which exist."""


def authenticate(username: str, secret: str) -> SourceLogin | None:
    """The login, if the secret is its own. Takes the same time for an unknown username as for a wrong secret."""
    found = SourceLogin.objects.select_related("source").filter(username=username).first() if is_uid(username) else None
    right = secret_matches(secret, found.secret_hash if found else _NOBODY)
    return found if found and right else None


def existing(usernames: Iterable[str]) -> list[SourceLogin]:
    """Those that exist, with their sources."""
    return list(SourceLogin.objects.select_related("source").filter(username__in=list(usernames)))


def delete(source: Source, username: str) -> None:
    """Its clients are disconnected. Raises `NotFound`."""
    deleted, _ = source.logins.filter(username=username).delete()
    if not deleted:
        raise NotFound(f"there is no login {username!r}")
    announce()
