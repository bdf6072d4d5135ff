"""The built-in chat commands, typed into a room."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.commands.lifecycle import MAX_OPEN
from devices.errors import Forbidden, HubbubError, Invalid, NotFound, TooMany
from devices.log import messages
from devices.models import Bot, Command, Device, Message, Metric, Room, Space
from devices.registry import metrics
from devices.rooms import posting, rooms
from devices.runtime import database
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, Value, now_us
from tests.devices.commands.stored import stored_command

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reporting_pump(pump: Device) -> Device:
    """The pump has sent some values."""
    Device.objects.update(availability="online", attributes={"units.speed": "%", "units.a*b": "<b>"})
    send(pump, {"speed": 40.5, "on": True, "mode": "auto", "oil pressure": 4, "phase.l1": 230})
    return pump


def send(device: Device, values: dict[str, Value], age_s: int = 0) -> None:
    samples = tuple(Sample(name, value, None) for name, value in values.items())
    ReadingStore().store([(device, Telemetry(samples, now_us() - age_s * 1_000_000))])


async def ask(person: User, device: Device, text: str) -> list[dict[str, Any]]:
    """Posts the text; the entries that the room has afterwards."""
    room = await database.run(lambda: Room.objects.get(device=device))
    await posting.post(person, room.pk, text)
    return await database.run(messages.newest, room)


async def refused(person: User, device: Device, text: str, kind: type[HubbubError] = Invalid) -> str:
    with pytest.raises(kind) as error:
        await ask(person, device, text)
    assert not await Message.objects.aexists()
    assert not await Command.objects.aexists()
    return error.value.message


async def test_help_lists_the_commands_of_the_room(carol: User, pump: Device) -> None:
    asked, answer = await ask(carol, pump, "/help")
    assert (asked["kind"], asked["author"], asked["text"]) == ("chat", "carol", "/help")
    assert (answer["kind"], answer["origin"], answer["author"]) == ("note", "hub", "hubbub")
    assert answer["text"].startswith("- `/call NAME {…}` ")
    assert len(answer["text"].splitlines()) == 7


async def test_help_with_a_name_describes_that_command(carol: User, pump: Device) -> None:
    assert (await ask(carol, pump, "/help set"))[1]["text"].startswith("- `/set NAME VALUE` ")
    assert (await ask(carol, pump, "/help /GET"))[-1]["text"].startswith("- `/get METRIC` ")
    with pytest.raises(Invalid, match="did you mean /set"):
        await ask(carol, pump, "/help sett")


async def test_who_names_members_and_bots_but_no_one_else(
    alice: User, bob: User, mallory: User, pump: Device, space: Space
) -> None:
    await Bot.objects.acreate(user=bob)
    [_, answer] = await ask(alice, pump, "/who")
    assert answer["text"] == "2 can read this room: alice, bob (bot)"


async def test_who_names_only_some_of_many_people(
    alice: User, space: Space, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.rooms.chat.builtin.MAX_SHOWN", 0)
    assert (await ask(alice, pump, "/who"))[1]["text"] == "1 can read this room:  and 1 more"


async def test_status_answers_in_the_device_s_name(carol: User, reporting_pump: Device) -> None:
    [_, answer] = await ask(carol, reporting_pump, "/status")
    assert (answer["origin"], answer["author"]) == ("device", "pump-1")
    assert answer["text"].splitlines() == [
        "**online**",
        "",
        "- mode: `auto`",
        "- oil pressure: **4**",
        "- on: **true**",
        "- phase.l1: **230**",
        "- speed: **40.5** %",
    ]


async def test_status_lists_only_some_of_many_metrics(carol: User, pump: Device) -> None:
    await database.run(send, pump, {f"m{i:03}": i for i in range(100)})
    lines = (await ask(carol, pump, "/status"))[1]["text"].splitlines()
    assert (len(lines), lines[-1]) == (33, "- and 70 more")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/get speed", "speed: **40.5** %"),
        ("/get phase.l1", "phase.l1: **230**"),
        ('/get "oil pressure"', "oil pressure: **4**"),
        ("/get mode", "mode: `auto`"),
    ],
)
async def test_get_answers_in_the_device_s_name(carol: User, reporting_pump: Device, typed: str, answer: str) -> None:
    answer_entry = (await ask(carol, reporting_pump, typed))[1]
    assert (answer_entry["kind"], answer_entry["author"], answer_entry["text"]) == ("note", "pump-1", answer)


@pytest.mark.parametrize(
    ("age_s", "shown"), [(30, ""), (61, " (1 min ago)"), (7300, " (2 h ago)"), (200_000, " (2 d ago)")]
)
async def test_an_old_value_is_shown_with_its_age(carol: User, pump: Device, age_s: int, shown: str) -> None:
    await database.run(send, pump, {"speed": 40}, age_s)
    assert (await ask(carol, pump, "/get speed"))[1]["text"] == f"speed: **40**{shown}"


async def test_markdown_in_names_values_and_units_is_escaped(carol: User, reporting_pump: Device) -> None:
    await database.run(send, reporting_pump, {"a*b": 1, "link": "[x](javascript:alert(1)) `", "long": "x" * 1000})
    assert (await ask(carol, reporting_pump, "/get a*b"))[-1]["text"] == r"a\*b: **1** \<b\>"
    assert (await ask(carol, reporting_pump, "/get link"))[-1]["text"] == "link: `` [x](javascript:alert(1)) ` ``"
    assert len((await ask(carol, reporting_pump, "/get long"))[-1]["text"]) < 250


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("/get", "/get METRIC"),
        ("/get oil pressure", '"METRIC WITH BLANKS"'),
        ('/get "oil', "quotes"),
        ("/chart", "/chart METRIC 24h"),
        ("/chart speed 24", "30m, 24h"),
        ("/chart speed 0m", "30m, 24h"),
        ("/chart speed 401d", "400d at most"),
        ("/chart speed ٣h", "30m, 24h"),
        ("/set", "/set NAME VALUE"),
        ("/set speed", "/set speed 40"),
        ("/set speed=40", "/set speed 40"),
        ('/set "" 4', "/set speed 40"),
        ("/call", "/call NAME"),
        ("/call run 40", "JSON object"),
        ("/call run {speed: 40}", "JSON object"),
        ("/call run [1]", "JSON object"),
        (f"/call {'x' * 129}", "128"),
        (f"/call run {'[' * 1500}", "JSON object"),
        ('/set a "\\u0000"', "NUL"),
        ('/get "\\u0000"', "printable"),
        ('/chart "\\u0000"', "printable"),
        ("/sett speed 40", "did you mean /set"),
    ],
)
async def test_a_mistyped_command_is_refused_with_what_to_type(
    bob: User, reporting_pump: Device, typed: str, hint: str
) -> None:
    assert hint in await refused(bob, reporting_pump, typed)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("/get sped", "did you mean speed?"), ("/chart Speed", "did you mean speed?"), ("/get xyzzy", "/status lists")],
)
async def test_an_unknown_metric_is_refused_with_the_nearest_name(
    bob: User, reporting_pump: Device, typed: str, hint: str
) -> None:
    assert hint in await refused(bob, reporting_pump, typed, NotFound)


async def test_a_device_without_metrics_is_refused_without_a_suggestion(bob: User, pump: Device) -> None:
    assert await refused(bob, pump, "/get speed", NotFound) == "pump-1 has no metric 'speed'"


async def test_a_metric_without_a_reading_counts_as_unknown(bob: User, pump: Device) -> None:
    await Metric.objects.acreate(device=pump, name="speed")
    assert "no metric 'speed'" in await refused(bob, pump, "/get speed", NotFound)


@pytest.mark.parametrize(
    ("typed", "name", "args"),
    [
        ("/set speed 40", "set", {"speed": 40}),
        ("/set speed 40.5", "set", {"speed": 40.5}),
        ("/SET on true", "set", {"on": True}),
        ("/set mode auto", "set", {"mode": "auto"}),
        ("/set mode night shift", "set", {"mode": "night shift"}),
        ('/set code "007"', "set", {"code": "007"}),
        ("/set phase.l1 7", "set", {"phase.l1": 7}),
        ('/set "oil pressure" [1, 2]', "set", {"oil pressure": [1, 2]}),
        ("/call restart", "restart", {}),
        ('/call run {"speed": 40, "for": {"s": 5}}', "run", {"speed": 40, "for": {"s": 5}}),
        ('/call "self test" {}', "self test", {}),
    ],
)
async def test_a_typed_command_is_issued_and_logged(
    bob: User, pump: Device, typed: str, name: str, args: dict[str, Any]
) -> None:
    [line] = await ask(bob, pump, typed)
    command = await Command.objects.aget()
    assert (command.name, command.args, command.issued_by_id) == (name, args, bob.pk)
    assert (line["kind"], line["author"], line["text"]) == ("command", "bob", typed)
    expires_at = command.expires_at // 1000
    assert line["data"] == {"id": command.pk, "name": name, "args": args, "expires_at": expires_at}


async def test_a_typed_command_beyond_the_open_ones_of_the_device_is_refused_and_leaves_nothing(
    bob: User, pump: Device
) -> None:
    await database.run(lambda: [stored_command(pump) for _ in range(MAX_OPEN)])
    with pytest.raises(TooMany, match="open commands"):
        await ask(bob, pump, "/set speed 40")
    assert not await Message.objects.aexists()


@pytest.mark.parametrize("typed", ["/set speed 40", "/call restart"])
async def test_a_viewer_cannot_send_commands(carol: User, pump: Device, typed: str) -> None:
    assert "operator" in await refused(carol, pump, typed, Forbidden)


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("", 86_400), (" 30m", 1800), (" 90 min", 5400), (" 24H", 86_400), (" 7d", 604_800), (" 4w", 2_419_200)],
)
async def test_a_chart_is_an_entry_of_the_person_who_asked_for_it(
    carol: User, reporting_pump: Device, span: str, seconds: int
) -> None:
    [line] = await ask(carol, reporting_pump, f"/chart speed{span}")
    assert (line["kind"], line["author"]) == ("chart", "carol")
    assert line["data"] == {"device": "pump-1", "metric": "speed", "range_s": seconds}


async def test_the_earlier_name_of_a_metric_is_understood(carol: User, reporting_pump: Device) -> None:
    speed = await database.run(metrics.get, reporting_pump, "speed")
    await database.run(metrics.change, speed, name="rpm")
    assert (await ask(carol, reporting_pump, "/get speed"))[1]["text"].startswith("rpm: ")
    assert (await ask(carol, reporting_pump, "/chart speed"))[-1]["data"]["metric"] == "rpm"


async def test_device_commands_are_refused_in_a_room_without_a_device(bob: User, space: Space) -> None:
    room = await database.run(rooms.create, space, "Coffee")
    for typed in ("/status", "/get speed", "/set speed 40", "/call restart", "/chart speed"):
        with pytest.raises(Invalid, match="room of a device"):
            await posting.post(bob, room.pk, typed)
    assert not await Message.objects.aexists()
