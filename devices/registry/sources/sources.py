"""Creates, changes and deletes sources. Rights are checked by the caller (`devices.access`)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from devices.channel import fanout
from devices.channel.events import SourcesChanged
from devices.errors import Invalid, NotFound, TooMany
from devices.registry.sources.models import DeviceAddress, Source, SourceLogin
from devices.runtime.credentials import hash_secret, new_secret
from devices.spaces.models import Space

MAX_SOURCES = 100
"""Sources of a space."""
MAX_LOGINS = 200
"""Logins of a source."""


def create(
    space: Space, broker: str, convention: str, prefix: str, *, adopt: bool = False, options: Mapping[str, Any] = {}
) -> Source:
    """A source at the broker of this name. Raises `Invalid`, and `TooMany`."""
    if space.sources.count() >= MAX_SOURCES:
        raise TooMany(f"a space has up to {MAX_SOURCES} sources")
    try:
        with transaction.atomic():
            source = Source.objects.create(
                space=space, broker=broker, convention=convention, prefix=prefix, adopt=adopt, options=dict(options)
            )
    except IntegrityError:
        raise Invalid(f"there is a source for {convention} with the prefix {prefix!r} at broker {broker}") from None
    _reclaim_addresses(source)
    announce()
    return source


def _reclaim_addresses(source: Source) -> None:
    """Devices that an earlier source of this convention has left in the space are the new one's."""
    left = DeviceAddress.objects.filter(source=None, convention=source.convention, device__space=source.space)
    newest = {row.address: row.pk for row in left.order_by("pk")}
    DeviceAddress.objects.filter(pk__in=newest.values()).update(source=source)


def of_broker(broker: str) -> list[Source]:
    """The sources at the broker of this name."""
    return list(Source.objects.filter(broker=broker).order_by("pk"))


def brokers_in_use() -> set[str]:
    """Names of the brokers at which there are sources."""
    return set(Source.objects.order_by().values_list("broker", flat=True).distinct())


def set_state(source_id: int, connected: bool, state: str = "") -> None:
    """Whether a bridge is listening to the source; `state`: why not."""
    Source.objects.filter(pk=source_id).update(is_connected=connected, state=state[:400])


def set_problem(source_id: int, problem: str, at: int) -> None:
    """The last message that could not be read, and belongs to no device."""
    Source.objects.filter(pk=source_id).update(problem=problem[:400], problem_at=at)


def set_adopt(source: Source, adopt: bool) -> None:
    """Whether new devices are added by themselves."""
    source.adopt = adopt
    source.save(update_fields=["adopt"])
    announce()


def delete(source: Source) -> None:
    """Deletes the source with its found devices and logins. Devices that were added stay."""
    source.delete()
    announce()


def create_login(source: Source, label: str = "") -> tuple[SourceLogin, str]:
    """A further login for the source's devices, and its secret, which cannot be read again. Raises `TooMany`."""
    if source.logins.count() >= MAX_LOGINS:
        raise TooMany(f"a source has up to {MAX_LOGINS} logins")
    secret = new_secret()
    username = f"{source.convention}-{secrets.token_hex(4)}"
    login = SourceLogin.objects.create(
        source=source, username=username, secret_hash=hash_secret(secret), label=label.strip()[:120]
    )
    announce()
    return login, secret


def delete_login(source: Source, id: int) -> None:
    """Nobody signs in with it from now on. Raises `NotFound`."""
    deleted, _ = source.logins.filter(pk=id).delete()
    if not deleted:
        raise NotFound(f"there is no login {id}")
    announce()


def announce() -> None:
    """Bridges look at the sources again after the commit."""
    transaction.on_commit(lambda: fanout.publish_from_sync([SourcesChanged()]))
