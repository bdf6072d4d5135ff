"""The commands that every hub has. `devices.chat_commands` registers them."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from devices.access import Action, require
from devices.commands import announcements, lifecycle
from devices.errors import Invalid, NotFound
from devices.registry import metrics
from devices.registry.models import Metric
from devices.rooms import inbox
from devices.rooms.chat import arguments
from devices.rooms.chat.markdown import code, plain
from devices.rooms.chat.registry import Call, closest, command, find, known
from devices.telemetry.latest import latest_values
from devices.values import MessageKind, Origin

_RANGE = re.compile(r"([0-9]{1,4}) ?(m|min|h|d|w)")
_SECONDS = {"m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
DEFAULT_RANGE = "24h"
MIN_RANGE_S = 60
MAX_RANGE_S = 400 * 86_400
MAX_SHOWN = 30
"""Values that `/status` lists, and names that `/who` lists."""
MAX_VALUE = 200
"""Characters of a value in an answer."""
OLD_MS = 60_000
"""An older value is shown with its age."""
_AGES = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"))


@command("help", "/help [COMMAND]", "lists the commands of this room")
def help_(call: Call) -> str:
    name = call.arguments.removeprefix("/").lower()
    asked = [find(name, call.room)] if name else known(call.room)
    return "\n".join(f"- {code(one.usage)} {one.help}" for one in asked)


@command("who", "/who", "lists the people who may read this room")
def who(call: Call) -> str:
    names = [plain(member["username"]) + (" (bot)" if member["bot"] else "") for member in inbox.members_of(call.room)]
    more = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
    return f"{len(names)} can read this room: {', '.join(names[:MAX_SHOWN])}{more}"


@command("status", "/status", "shows the device's availability and its newest values", for_device=True)
def status(call: Call) -> str:
    latest = latest_values([call.device.pk]).get(call.device.pk, {})
    lines = [f"- {plain(name)}: {_shown(call, name, *latest[name])}" for name in list(latest)[:MAX_SHOWN]]
    if len(latest) > MAX_SHOWN:
        lines.append(f"- and {len(latest) - MAX_SHOWN} more")
    _answer_as_device(call)
    unreachable = f" ({plain(call.device.via)} is offline)" if call.device.via else ""
    return "\n".join([f"**{call.device.availability}**{unreachable}", "", *lines])


@command("get", "/get METRIC", "shows the newest value of a metric", for_device=True)
def get(call: Call) -> str:
    name, rest = arguments.first(call.arguments)
    if not name or rest:
        raise Invalid('which metric? /get METRIC, or /get "METRIC WITH BLANKS"')
    name = _metric(call, name).name
    latest = latest_values([call.device.pk], [name]).get(call.device.pk, {})
    if name not in latest:
        raise _unknown_metric(call, name)
    _answer_as_device(call)
    return f"{plain(name)}: {_shown(call, name, *latest[name])}"


@command("set", "/set NAME VALUE", "sends the device new settings; for operators", for_device=True)
def set_(call: Call) -> None:
    name, text = arguments.first(call.arguments)
    if not name or not text:
        raise Invalid('what to what? /set NAME VALUE, such as /set speed 40 or /set "valve 2" "open"')
    _issue(call, "set", {name: arguments.value(text)})


@command("call", "/call NAME {…}", "sends the device a command, with arguments as JSON; for operators", for_device=True)
def call_(call: Call) -> None:
    name, text = arguments.first(call.arguments)
    if not name:
        raise Invalid('which command? /call NAME, or /call NAME {"speed": 40}')
    try:
        args = msgspec.json.decode(text, type=dict[str, Any]) if text else {}
    except (msgspec.DecodeError, RecursionError):
        raise Invalid('the arguments are a JSON object: /call NAME {"speed": 40}') from None
    _issue(call, name, args)


@command("chart", f"/chart METRIC [{DEFAULT_RANGE}]", "posts a live chart: 30m, 24h, 7d, 4w", for_device=True)
def chart(call: Call) -> None:
    metric, span = arguments.first(call.arguments)
    if not metric:
        raise Invalid(f"of which metric? /chart METRIC {DEFAULT_RANGE}")
    match = _RANGE.fullmatch(span.lower() or DEFAULT_RANGE)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not MIN_RANGE_S <= seconds <= MAX_RANGE_S:
        raise Invalid(f"how far back? /chart METRIC 30m, 24h, 7d or 4w; {MAX_RANGE_S // 86_400}d at most")
    name = _metric(call, metric).name
    call.kind = MessageKind.CHART
    call.data |= {"device": call.device.uid, "metric": name, "range_s": seconds}


def _issue(call: Call, name: str, args: dict[str, Any]) -> None:
    require(call.person, Action.COMMAND, call.device.space_id)
    call.command = lifecycle.prepare(call.person, call.device, name, args)
    call.kind = MessageKind.COMMAND
    call.data |= announcements.described(call.command)


def _metric(call: Call, name: str) -> Metric:
    """The device's metric that has or had this name."""
    try:
        return metrics.by_any_name(call.device, name)
    except NotFound:
        raise _unknown_metric(call, name) from None


def _unknown_metric(call: Call, name: str) -> NotFound:
    names = list(Metric.objects.filter(device=call.device).values_list("name", flat=True))
    near = closest(name, names)
    hint = f": did you mean {near}?" if near else ": /status lists its metrics" if names else ""
    return NotFound(f"{call.device.uid} has no metric {name[:128]!r}{hint}")


def _shown(call: Call, metric: str, at: int, value: Any) -> str:
    unit = call.device.attributes.get(f"units.{metric}", "")
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if len(text) > MAX_VALUE:
        text = text[: MAX_VALUE - 1] + "…"
    shown = code(text) if isinstance(value, str) else f"**{text}** {plain(str(unit))}".rstrip()
    return shown + _age(call.at // 1000 - at)


def _age(ms: int) -> str:
    """The age of a value, if it is worth mentioning."""
    if ms < OLD_MS:
        return ""
    length, unit = next(one for one in _AGES if ms >= one[0])
    return f" ({ms // length} {unit} ago)"


def _answer_as_device(call: Call) -> None:
    call.author, call.origin = call.device.uid, Origin.DEVICE
