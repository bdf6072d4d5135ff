"""The people and values that the references of a text stand for, within the room's space."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from devices import access
from devices.log.models import Room
from devices.registry.models import Device
from devices.rooms.reference_syntax import as_metric, candidates, possible_names
from devices.telemetry.latest import latest_values
from devices.values import is_uid

Values = dict[str, list[Any]]
"""`uid.metric` -> `[MS, value, unit]` at the time of writing."""


def resolve(room: Room, text: str) -> tuple[list[User], Values]:
    """The people and the values that the text refers to: members and devices of the room's space, in text order.

    In a conversation these are the two, and no devices: what one may watch the other may not.
    """
    names = [list(possible_names(candidate)) for candidate in candidates(text)]
    if not names:
        return [], {}
    people = _people(room, {name for options in names for name in options})
    found = {user.pk: user for options in names for user in [_first(options, people)] if user is not None}
    wanted = [options for options in names if _first(options, people) is None]
    return list(found.values()), _values(room, wanted)


def _people(room: Room, names: set[str]) -> dict[str, User]:
    return {user.get_username(): user for user in access.readers(room).filter(username__in=names)}


def _first(options: list[str], people: dict[str, User]) -> User | None:
    return next((people[name] for name in options if name in people), None)


def _values(room: Room, wanted: list[list[str]]) -> Values:
    if room.space_id is None:
        return {}
    metrics = [[named for name in options if (named := as_metric(name)) is not None] for options in wanted]
    uids = {uid for options in metrics for uid, _ in options if is_uid(uid)}
    known = {device.uid: device for device in Device.objects.filter(space=room.space_id, uid__in=uids)}
    latest = latest_values([device.pk for device in known.values()], {name for named in metrics for _, name in named})
    values: Values = {}
    for options in metrics:
        for uid, metric in options:
            if uid in known and metric in latest.get(known[uid].pk, {}):
                unit = known[uid].attributes.get(f"units.{metric}", "")
                values[f"{uid}.{metric}"] = [*latest[known[uid].pk][metric], unit]
                break
    return values
