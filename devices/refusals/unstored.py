"""Devices that send data of which nothing can be stored: to people who look, they would seem to be silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TypedDict

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from devices.errors import REFUSALS
from devices.refusals.models import StoredRefusal
from devices.registry.models import Device, Metric

KINDS = ("telemetry", "other")
"""Kinds of messages that are meant as data: telemetry, and messages on a wrong topic."""
REASONS_OF_THE_HUB = ("rate_limited", "retained")
"""Reasons that say nothing about the form of the data."""
SHARED_S = 2.0
"""For so long, everybody who looks at the fleet gets the same answer: each page asks every few seconds, and the query
is slow where many refusals are stored."""
GAP_US = 60_000_000
"""A message that was refused so long after the last one that was stored is not a single odd one among others."""


class Unstored(TypedDict):
    """The newest refusal of a device; `at` in milliseconds."""

    key: str
    meaning: str
    detail: str
    at: int


def of_devices(uids: Iterable[str]) -> dict[str, Unstored]:
    """uid -> why nothing is stored of what the device sends, for those of the devices of which this is so.

    The answer may be `SHARED_S` old.
    """
    found = _all.read()
    return {uid: found[uid] for uid in uids if uid in found} if found else {}


def of_device(device: Device) -> Unstored | None:
    """The same of one device, as it is now; `None` if its data is stored, or if it sends none."""
    facts = _refused().filter(device=device).order_by("-at", "-id").values_list(*_FIELDS).first()
    return None if facts is None else _facts(*facts)


class _SharedAnswer:
    """The answer for all devices of the hub. One thread reads it for all others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, Unstored] = {}
        self._read_at = -SHARED_S

    def read(self) -> dict[str, Unstored]:
        with self._lock:
            if time.monotonic() - self._read_at >= SHARED_S:
                self._found = _of_all()
                self._read_at = time.monotonic()
            return self._found


_all = _SharedAnswer()


def _of_all() -> dict[str, Unstored]:
    newest = _refused().filter(device=OuterRef("pk")).order_by("-at", "-id").values("pk")
    found = Device.objects.order_by().values(newest=Subquery(newest[:1]))
    rows = StoredRefusal.objects.filter(pk__in=found).order_by()
    return {uid: _facts(*facts) for uid, *facts in rows.values_list("device__uid", *_FIELDS)}


def _refused() -> QuerySet[StoredRefusal]:
    """The refusals that were not followed by anything that was stored."""
    has_metrics = Exists(Metric.objects.filter(device=OuterRef("device")))
    return (
        StoredRefusal.objects.filter(kind__in=KINDS)
        .exclude(reason__in=REASONS_OF_THE_HUB)
        .filter(Q(~has_metrics) | Q(at__gt=F("device__heard_at") + GAP_US))
    )


_FIELDS = ("key", "reason", "detail", "at")


def _facts(key: str, reason: str, detail: str, at: int) -> Unstored:
    meaning = REFUSALS.get(reason, reason)
    if reason == "invalid_shape" and detail:
        meaning, detail = detail, ""  # which says more
    return {"key": key, "meaning": meaning, "detail": detail, "at": at // 1000}
