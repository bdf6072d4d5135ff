from __future__ import annotations

import asyncio

import pytest

from devices.channel import fanout, groups
from devices.channel.listener import Listener
from devices.commands import lifecycle
from devices.commands.lifecycle import MAX_OPEN
from devices.log.entries import recorded
from devices.models import Command, Device
from devices.runtime import database
from devices.values import Answer
from tests.bridges.rest.conftest import Callers, Sender, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

PATH = "/api/v1/devices/pump-1/commands"


async def test_an_operator_s_command_is_queued(api: Callers, pump: Device) -> None:
    response = await api.bob.post(PATH, json={"name": "set", "args": {"speed": 40}, "timeout_s": 5})
    assert response.status_code == 202
    assert response.json().keys() == {"command", "status"}
    assert response.json()["status"] == "queued"
    row = await Command.objects.aget(id=response.json()["command"])
    assert (row.name, row.args, row.device_id) == ("set", {"speed": 40}, pump.id)
    assert row.expires_at - row.issued_at == 5_000_000


async def test_a_command_wakes_the_outbound_bridge(api: Callers, pump: Device) -> None:
    woken = asyncio.Event()
    listener = Listener(lambda event: woken.set(), lambda *lost: None)
    await listener.start()
    await listener.join(groups.COMMANDS)
    await api.bob.post(PATH, json={"name": "set"})
    async with asyncio.timeout(5):
        await woken.wait()
    await listener.stop()


async def test_a_command_shows_its_answer(api: Callers, pump: Device) -> None:
    id = (await api.bob.post(PATH, json={"name": "set", "args": {"speed": 40}})).json()["command"]
    await fanout.publish(await database.run(recorded, lifecycle.answer, pump, Answer(id, True, {"speed": 40})))
    found = (await api.carol.get(f"{PATH}/{id}")).json()
    assert found["expires_at"] == found["issued_at"] + 30_000
    del found["expires_at"]
    assert found.pop("changed_at") >= found.pop("issued_at") > 1_700_000_000_000
    assert found == {
        "id": id,
        "name": "set",
        "args": {"speed": 40},
        "status": "succeeded",
        "result": {"speed": 40},
        "error": "",
        "late": False,
        "by": "bob",
    }


async def test_a_late_answer_is_shown_with_its_command(api: Callers, pump: Device) -> None:
    id = (await api.bob.post(PATH, json={"name": "set", "timeout_s": 0.001})).json()["command"]
    await database.run(lifecycle.expire)
    await database.run(recorded, lifecycle.answer, pump, Answer(id, True, {"speed": 40}))
    found = (await api.carol.get(f"{PATH}/{id}")).json()
    assert (found["status"], found["late"], found["result"], found["error"]) == ("timed_out", True, {"speed": 40}, "")


async def test_too_many_open_commands_are_refused(api: Callers, pump: Device) -> None:
    for _ in range(MAX_OPEN):
        assert (await api.bob.post(PATH, json={"name": "set", "timeout_s": 604_800})).status_code == 202
    facts = error(await api.bob.post(PATH, json={"name": "set"}), 429, "too_many")
    assert "100 open commands" in str(facts["message"])


async def test_the_newest_commands_come_first(api: Callers, pump: Device) -> None:
    for name in ("one", "two", "three"):
        await api.alice.post(PATH, json={"name": name})
    found = (await api.carol.get(PATH, params={"limit": 2})).json()
    assert [item["name"] for item in found["items"]] == ["three", "two"]


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (b"", 422, "the body"),
        (b"set", 400, "JSON"),
        (b'{"name": "set", "args": {"speed": NaN}}', 400, "JSON"),
        (b'{"name": "set", "args": {"speed": "\xff"}}', 400, "JSON"),
        (b"[" * 5000, 400, "JSON"),
        (b"[]", 422, "the body"),
        (b"{}", 422, "name"),
        (b'{"name": 1}', 422, "name"),
        (b'{"name": ""}', 422, "name"),
        (b'{"name": "a\\u0000"}', 422, "name"),
        (b'{"name": "set", "args": [1]}', 422, "args"),
        (b'{"name": "set", "args": {"a": "\\u0000"}}', 422, "args"),
        (b'{"name": "set", "args": {"a": "' + b"x" * 20_000 + b'"}}', 422, "args"),
        (b'{"name": "set", "args": {"a": ' + b"[" * 600 + b"]" * 600 + b"}}", 422, "args"),
        (b'{"name": "set", "timeout_s": 0}', 422, "timeout_s"),
        (b'{"name": "set", "timeout_s": 604801}', 422, "timeout_s"),
        (b'{"name": "set", "timeout_s": "NaN"}', 422, "timeout_s"),
        (b'{"name": "set", "arguments": {}}', 422, "arguments"),
    ],
)
async def test_an_invalid_command_is_named_and_not_queued(
    api: Callers, pump: Device, body: bytes, status: int, named: str
) -> None:
    facts = error(await api.bob.post(PATH, content=body), status, "invalid")
    assert named in str(facts["message"])
    assert not await Command.objects.aexists()


async def test_a_viewer_may_read_commands_but_not_issue_them(api: Callers, pump: Device) -> None:
    facts = error(await api.carol.post(PATH, json={"name": "set"}), 403, "forbidden")
    assert "operator" in str(facts["message"])
    assert not await Command.objects.aexists()
    assert (await api.carol.get(PATH)).status_code == 200


async def test_a_command_of_another_device_answers_like_a_missing_one(
    api: Callers, pump: Device, meter_sender: Sender
) -> None:
    id = (await api.mallory.post("/api/v1/devices/meter-9/commands", json={"name": "set"})).json()["command"]
    foreign = error(await api.bob.get(f"{PATH}/{id}"), 404, "not_found")
    missing = error(await api.bob.get(f"{PATH}/{'a' * len(id)}"), 404, "not_found")
    assert str(foreign).replace(id, "a" * len(id)) == str(missing)


@pytest.mark.parametrize("id", ["%00", "%0A", "a%2Fb", "x" * 500, "é"])
async def test_an_impossible_id_is_not_found(api: Callers, pump: Device, id: str) -> None:
    error(await api.bob.get(f"{PATH}/{id}"), 404, "not_found")


@pytest.mark.parametrize("limit", ["0", "501", "-1", "all"])
async def test_an_invalid_limit_is_named(api: Callers, pump: Device, limit: str) -> None:
    assert "limit" in str(error(await api.bob.get(PATH, params={"limit": limit}), 422, "invalid")["message"])
