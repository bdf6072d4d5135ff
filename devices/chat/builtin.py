"""The commands that every hub has. Found by `devices.chat_commands`."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from devices.access import Action, require
from devices.chat.registry import Call, command, known
from devices.errors import Invalid, NotFound
from devices.models import Metric
from devices.queries import devices, rooms
from devices.services import commands
from devices.values import MessageKind, Origin

_RANGE = re.compile(r"(\d{1,4})(m|min|h|d)")
_SECONDS = {"m": 60, "min": 60, "h": 3600, "d": 86_400}
MAX_RANGE_S = 400 * 86_400
MIN_RANGE_S = 60


@command("help", "/help", "what can be typed here")
def help(call: Call) -> str:
    return "\n".join(f"- `{one.usage}`: {one.help}" for one in known(call.room))


@command("who", "/who", "who may read this room")
def who(call: Call) -> str:
    names = [member["username"] + (" (bot)" if member["bot"] else "") for member in rooms.members_of(call.room)]
    return f"{len(names)} may read this room: {', '.join(names)}"


@command("status", "/status", "how the device is", for_device=True)
def status(call: Call) -> str:
    device = call.device
    latest = devices.latest([device.pk]).get(device.pk, {})
    lines = [f"**{device.availability}**"]
    lines += [f"- {name}: {_shown(call, name, value)}" for name, (_, value) in list(latest.items())[:30]]
    if len(latest) > 30:
        lines.append(f"- and {len(latest) - 30} more")
    _speak_as_device(call)
    return "\n".join(lines)


@command("get", "/get METRIC", "the newest value of a metric", for_device=True)
def get(call: Call) -> str:
    name = call.arguments
    latest = devices.latest([call.device.pk]).get(call.device.pk, {})
    if name not in latest:
        raise NotFound(f"{call.device.uid} has told no {name[:128]!r}" if name else "which metric? /get METRIC")
    _speak_as_device(call)
    call.data["value"] = {"metric": name, "at": latest[name][0]}
    return f"{name}: {_shown(call, name, latest[name][1])}"


@command("set", "/set NAME VALUE", "sends the device the command `set`; operators", for_device=True)
def set_value(call: Call) -> None:
    name, _, text = call.arguments.partition(" ")
    if not name or not text.strip():
        raise Invalid("what to what? /set NAME VALUE")
    _issue(call, "set", {name: _value(text.strip())})


@command("call", "/call NAME {…}", "sends the device a command with arguments as JSON; operators", for_device=True)
def call_command(call: Call) -> None:
    name, _, text = call.arguments.partition(" ")
    if not name:
        raise Invalid("which command? /call NAME {…}")
    try:
        args = msgspec.json.decode(text, type=dict[str, Any]) if text.strip() else {}
    except msgspec.DecodeError as error:
        raise Invalid(f"the arguments are no JSON object: {error}") from None
    _issue(call, name, args)


@command("chart", "/chart METRIC 24h", "posts a live chart: 30m, 24h, 7d", for_device=True)
def chart(call: Call) -> None:
    metric, _, span = call.arguments.partition(" ")
    match = _RANGE.fullmatch(span.strip() or "24h")
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not MIN_RANGE_S <= seconds <= MAX_RANGE_S:
        raise Invalid("how far back? /chart METRIC 30m, 24h or 7d; 400d at most")
    if not Metric.objects.filter(device=call.device, name=metric).exists():
        raise NotFound(f"{call.device.uid} has told no {metric[:128]!r}")
    call.kind = MessageKind.CHART
    call.data |= {"device": call.device.uid, "metric": metric, "range_s": seconds}


def _issue(call: Call, name: str, args: dict[str, Any]) -> None:
    require(call.person, Action.COMMAND, call.device.space_id)
    queued = commands.queue(call.person, call.device, name, args)
    call.events += commands.woken(queued)
    call.kind = MessageKind.COMMAND
    call.data |= commands.shown(queued)
    call.queued = queued


def _value(text: str) -> Any:
    """JSON where it is JSON, else the text itself: `40`, `true`, `"40"`, `auto`."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _shown(call: Call, metric: str, value: Any) -> str:
    if isinstance(value, str):  # as code, where nothing of it is Markdown
        return "`" + value.replace("`", "'") + "`"
    unit = call.device.attributes.get(f"units.{metric}", "")
    return f"**{msgspec.json.encode(value).decode()}** {unit}".rstrip()


def _speak_as_device(call: Call) -> None:
    call.author, call.origin = call.device.uid, Origin.DEVICE
