"""Commands to devices that never answer: a command has succeeded once the device reports the state that it asked for.

Found by looking at what has been stored, twice a second and only while there are such commands: so it makes no
difference which bridge or web process has received the reading, and ingest does no work for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db.models import OuterRef, Subquery

from devices.channel.events import Event
from devices.commands import lifecycle
from devices.commands.args import by_metric
from devices.commands.models import Command
from devices.commands.states import agree
from devices.registry.models import Metric
from devices.telemetry import clocks
from devices.telemetry.columns import from_columns
from devices.telemetry.models import Reading
from devices.values import CommandStatus, Value

MAX_COMMANDS = 1_000
"""Commands that are looked at, the newest first; older ones end as unconfirmed if there are always more."""
MAX_METRICS = 20
"""Metrics of a command whose values are compared, the first of its arguments."""
MAX_READINGS = 1_000
"""Readings of a metric that are compared at a time, the newest."""
SLACK_US = clocks.AHEAD_US
"""How much earlier than the command a state may be by the device's clock, which may be as far behind as ahead."""

_Newest = tuple[int, float | None, str | None]
"""Time, number and text of a metric's newest reading."""


@dataclass(slots=True)
class _Open:
    """An open command: the values that it asks for, those of them that were reported, and what was compared last.

    All by the name that the device uses. Arguments that name no metric of the device are never reported, and do not
    count. `sent_at` is a time of the device's clock.
    """

    id: str
    device_id: int
    sent_at: int
    wanted: dict[str, Any]
    reported: dict[str, Value] = field(default_factory=dict)
    compared: dict[str, _Newest] = field(default_factory=dict)


class Confirmations:
    """Remembers what it has compared, so that each reading is compared once. After a restart it begins anew."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def check(self) -> list[Event]:
        """Ends the commands whose state has been reported; the events to publish."""
        self._load()
        if not self._open:
            return []
        metrics = _metrics(self._open.values())
        events: list[Event] = []
        for each in list(self._open.values()):
            known = [name for name in each.wanted if (each.device_id, name) in metrics]
            for name in known:
                _compare(each, name, *metrics[each.device_id, name])
            if known and all(name in each.reported for name in known):
                events += lifecycle.confirm(each.id, each.reported)
                del self._open[each.id]
        return events

    def _load(self) -> None:
        """Takes up new commands and forgets those that have ended."""
        rows = Command.objects.filter(status=CommandStatus.SENT, device__answers=False, sent_at__isnull=False)
        newest = rows.order_by("-sent_at").values_list("id", "device_id", "sent_at", "args", "device__clock_offset_s")
        self._open = {
            id: self._open.get(id) or _Open(id, device_id, _shown(sent_at or 0, offset_s), _wanted(args))
            for id, device_id, sent_at, args, offset_s in newest[:MAX_COMMANDS]
        }


def _shown(sent_at: int, offset_s: int) -> int:
    """What the device's clock showed then. Times of one that is ahead, or was never set, are not stored."""
    behind = clocks.is_behind(offset_s)
    return sent_at + (offset_s - 1) * 1_000_000 if behind else sent_at


def _wanted(args: dict[str, Any]) -> dict[str, Any]:
    return dict(islice(by_metric(args).items(), MAX_METRICS))


def _metrics(commands: Iterable[_Open]) -> dict[tuple[int, str], tuple[int, _Newest]]:
    """`(device id, name)` -> id and newest reading of the metrics that commands name, by a few looks into the index for
    each. Those without a reading are left out."""
    devices = {each.device_id for each in commands}
    names = {name for each in commands for name in each.wanted}
    newest = Reading.objects.filter(metric=OuterRef("pk")).order_by("-time")
    columns = ("time", "number", "text")
    metrics = Metric.objects.filter(device__in=devices).annotate(
        **{column: Subquery(newest.values(column)[:1]) for column in columns}
    )
    own = metrics.filter(name__in=names).values_list("device_id", "name", "id", *columns)
    renamed = metrics.filter(aliases__name__in=names).values_list("device_id", "aliases__name", "id", *columns)
    return {
        (device_id, name): (id, (time, number, text))
        for rows in (own, renamed)
        for device_id, name, id, time, number, text in rows
        if time is not None
    }


def _compare(command: _Open, name: str, metric_id: int, newest: _Newest) -> None:
    """Compares the readings that have come since the last time, or have taken the place of the newest of then."""
    last = command.compared.get(name)
    since = command.sent_at - SLACK_US - 1_000_000 if last is None else last[0]
    if name in command.reported or newest == last or newest[0] < since:
        return
    command.compared[name] = newest
    readings = Reading.objects.filter(metric=metric_id, time__gte=since).order_by("-time")
    for time, number, text in readings.values_list("time", "number", "text")[:MAX_READINGS]:
        value = from_columns(number, text)
        is_newest = time >= newest[0]
        if _counts(time, command.sent_at, is_newest=is_newest) and agree(command.wanted[name], value):
            command.reported[name] = value
            return


def _counts(time: int, sent_at: int, *, is_newest: bool) -> bool:
    """Whether the device may have reported a state of this time after `sent_at`.

    A clock of whole seconds, or milliseconds, gives a moment the time of the second before it. Times of the hub have
    microseconds; with those of a device, which may be behind, an earlier state counts as long as it lasts.
    """
    resolution = 1_000_000 if not time % 1_000_000 else 1_000 if not time % 1_000 else 1
    slack = SLACK_US if is_newest and resolution > 1 else 0
    return time >= sent_at - sent_at % resolution - slack
