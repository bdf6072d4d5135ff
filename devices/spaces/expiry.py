"""The job that removes what has expired: login sessions, failed attempts to sign in, and networks unused for long."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from devices.spaces.models import FailedSignIn, KnownNetwork
from devices.spaces.passwords import KNOWN_US, WINDOW_US
from devices.values import now_us

ROWS_AT_ONCE = 1_000
"""Rows of each kind that one step removes, as SQLite's other writers wait for it."""


def remove_expired() -> bool:
    """A step of the worker. Returns whether there is more to remove at once."""
    now = now_us()
    expired: list[QuerySet[Any]] = [
        Session.objects.filter(expire_date__lt=timezone.now()),
        FailedSignIn.objects.filter(at__lt=now - WINDOW_US),
        KnownNetwork.objects.filter(at__lt=now - KNOWN_US),
    ]
    removed = [remove_some(rows) for rows in expired]  # all of them, where `any` would stop at the first
    return any(removed)


def remove_some(rows: QuerySet[Any]) -> bool:
    """Removes some of the rows. Returns whether there are more of them."""
    some = list(rows.order_by().values_list("pk", flat=True)[:ROWS_AT_ONCE])
    rows.filter(pk__in=some).delete()
    return len(some) == ROWS_AT_ONCE
