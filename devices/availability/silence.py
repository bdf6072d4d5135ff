"""How long devices may be silent, when they last sent something, and since when the hub has been listening."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from devices.errors import Invalid
from devices.registry.models import Device
from devices.telemetry.models import Watermark

LISTENING, LISTENING_SINCE = "listening", "listening_since"
"""Watermarks: when a bridge was last connected to its broker, and since when one was without a break."""
DEAF_US = 30_000_000
"""A shorter break does not count as one."""

FIRST_LIMIT_US = 300_000_000
"""How long a device may be silent that has sent a single message so far."""
MIN_LIMIT_US, MAX_LIMIT_US = 60_000_000, 86_400_000_000
LIMIT_IN_GAPS = 3
"""A device may be silent for this many times its usual gap."""

WRITE_EVERY_US = 10_000_000
"""How far `Device.heard_at` may lag behind: updating a row for each message would cost more than the message."""
RENEW_US = 2_000_000
"""Pause between two writes of `record_listening`."""
MIN_STALE_AFTER_S, MAX_STALE_AFTER_S = 5, 30 * 86_400

_TABLE = Device._meta.db_table


def silence_limit_us(device: Device) -> int:
    """How long the device may be silent before it is stale: what a manager has set, or else what was learned."""
    if device.stale_after_s is not None:
        return device.stale_after_s * 1_000_000
    if not device.usual_gap_ms:
        return FIRST_LIMIT_US
    return min(max(LIMIT_IN_GAPS * device.usual_gap_ms * 1_000, MIN_LIMIT_US), MAX_LIMIT_US)


def listening_since(now: int) -> int | None:
    """Since when a bridge has been connected without a break; `None` while none is connected."""
    watermarks = dict(Watermark.objects.filter(name__in=(LISTENING, LISTENING_SINCE)).values_list("name", "time"))
    if LISTENING not in watermarks or abs(now - watermarks[LISTENING]) >= DEAF_US:
        return None
    return watermarks.get(LISTENING_SINCE)


def last_contacts(device_ids: list[int]) -> dict[int, tuple[int, int]]:
    """Device id -> time of its last message, and its usual gap in milliseconds."""
    rows = Device.objects.filter(pk__in=device_ids).order_by().values_list("id", "heard_at", "usual_gap_ms")
    return {id: (heard_at, gap) for id, heard_at, gap in rows}


def record_contacts(contacts: Sequence[tuple[int, int, int]]) -> None:
    """Stores `(device id, time of a message, usual gap in ms)`; an earlier time changes nothing.

    Call it last in a transaction. Rows that another transaction holds are left out, since it writes the same.
    """
    rows = sorted(contacts)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"WITH free AS (SELECT id FROM {_TABLE} WHERE id = ANY(%s::bigint[])"  # noqa: S608 - a constant
                " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)"
                f" UPDATE {_TABLE} AS device SET heard_at = GREATEST(heard_at, news.at), usual_gap_ms = news.gap"
                " FROM free, unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS news (id, at, gap)"
                " WHERE device.id = free.id AND news.id = free.id",
                [[id for id, _, _ in rows], *([list(column) for column in zip(*rows, strict=True)] or [[], [], []])],
            )
        else:
            cursor.executemany(
                f"UPDATE {_TABLE} SET heard_at = MAX(heard_at, %s), usual_gap_ms = %s WHERE id = %s",  # noqa: S608
                [(at, gap, id) for id, at, gap in rows],
            )


def record_listening(now: int) -> None:
    """Records that a bridge is connected to its broker. Call it every few seconds while that is so."""
    with transaction.atomic():
        locked = Watermark.objects.select_for_update().filter(name__in=(LISTENING, LISTENING_SINCE)).order_by("name")
        before = dict(locked.values_list("name", "time"))
        last = before.get(LISTENING, 0)
        if 0 <= now - last < RENEW_US:
            return
        unbroken = abs(now - last) < DEAF_US
        after = {
            LISTENING: max(now, last) if unbroken else now,
            LISTENING_SINCE: before.get(LISTENING_SINCE, now) if unbroken else now,
        }
        Watermark.objects.bulk_create(
            [Watermark(name=name, time=time) for name, time in sorted(after.items())],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["time"],
        )


def set_stale_after(device: Device, seconds: int | None) -> None:
    """Sets how long the device may be silent; `None` means as learned. Raises `Invalid`."""
    if seconds is not None and not MIN_STALE_AFTER_S <= seconds <= MAX_STALE_AFTER_S:
        raise Invalid(f"stale_after_s must be from {MIN_STALE_AFTER_S} to {MAX_STALE_AFTER_S:,} seconds, or null")
    device.stale_after_s = seconds
    device.save(update_fields=["stale_after_s"])
