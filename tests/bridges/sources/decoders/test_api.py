"""Decoders over HTTP: who may change and try them, and what a trial answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from devices.models import Decoder, Device, Reading, Space
from devices.registry.decoders import MAX_SCRIPT
from tests.bridges.rest.conftest import Callers, Sender, error
from tests.bridges.rest.conftest import api as api
from tests.bridges.rest.conftest import fresh_process as fresh_process
from tests.bridges.rest.conftest import pump_sender as pump_sender
from tests.bridges.sources.decoders.scripts import OLD, THINGS_NETWORK

pytestmark = pytest.mark.django_db(transaction=True)

DECODERS = "/api/v1/decoders"


async def made(api: Callers, space: Space, script: str = THINGS_NETWORK, **fields: Any) -> dict[str, Any]:
    given = {"space": space.slug, "name": "Soil sensor", "script": script, **fields}
    response = await api.alice.post(DECODERS, json=given)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_a_decoder_is_made_read_changed_and_deleted(api: Callers, space: Space) -> None:
    decoder = await made(api, space, profile="LSE01", f_port=2)
    assert (decoder["profile"], decoder["f_port"], decoder["revision"]) == ("LSE01", 2, 1)
    one = f"{DECODERS}/{decoder['id']}"
    changed = await api.alice.patch(one, json={"script": OLD})
    assert (changed.json()["revision"], changed.json()["name"]) == (2, "Soil sensor")
    assert (await api.carol.get(one)).json()["script"] == OLD
    assert [found["id"] for found in (await api.carol.get(DECODERS)).json()["items"]] == [decoder["id"]]
    assert (await api.alice.delete(one)).status_code == 204
    error(await api.alice.get(one), 404, "not_found")


async def test_only_managers_change_and_try(api: Callers, space: Space) -> None:
    decoder = await made(api, space)
    one = f"{DECODERS}/{decoder['id']}"
    given = {"space": space.slug, "name": "X", "script": OLD}
    for who in (api.bob, api.carol):
        error(await who.post(DECODERS, json=given), 403, "forbidden")
        error(await who.patch(one, json={"name": "X"}), 403, "forbidden")
        error(await who.post(f"{one}/try", json={"bytes": "00"}), 403, "forbidden")
        error(await who.delete(one), 403, "forbidden")
    error(await api.mallory.post(DECODERS, json=given), 404, "not_found")
    error(await api.mallory.get(one), 404, "not_found")
    error(await api.mallory.post(f"{one}/try", json={"bytes": "00"}), 404, "not_found")
    assert (await api.mallory.get(DECODERS)).json() == {"items": []}
    assert await Decoder.objects.acount() == 1


async def test_nobody_gets_401(api: Callers, space: Space) -> None:
    one = f"{DECODERS}/{(await made(api, space))['id']}"
    given = {"space": space.slug, "name": "X", "script": OLD}
    for answer in (
        await api.nobody.get(DECODERS),
        await api.nobody.post(DECODERS, json=given),
        await api.nobody.get(one),
        await api.nobody.patch(one, json={"name": "X"}),
        await api.nobody.delete(one),
        await api.nobody.post(f"{one}/try", json={"bytes": "00"}),
    ):
        error(answer, 401, "unauthenticated")


async def test_what_is_not_valid_is_refused(api: Callers, space: Space) -> None:
    given = {"space": space.slug, "name": "X", "script": OLD}
    error(await api.alice.post(DECODERS, json={**given, "script": " "}), 422, "invalid")
    error(await api.alice.post(DECODERS, json={**given, "name": "a\nb"}), 422, "invalid")
    error(await api.alice.post(DECODERS, json={**given, "f_port": 0}), 422, "invalid")
    error(await api.alice.post(DECODERS, json={**given, "script": "x" * (MAX_SCRIPT + 1)}), 413, "too_large")


async def test_a_script_of_the_greatest_length_is_stored(api: Callers, space: Space) -> None:
    script = OLD + "\n" * (MAX_SCRIPT - len(OLD))
    assert (await made(api, space, script))["revision"] == 1


async def test_a_payload_is_tried(api: Callers, space: Space) -> None:
    decoder = await made(api, space)
    url = f"{DECODERS}/{decoder['id']}/try"
    result = (await api.alice.post(url, json={"bytes": "0x09 C4, 32", "fPort": 2})).json()["result"]
    assert result["data"] == {"temperature": 25, "battery": {"volts": 1}, "at": True}
    assert {"metric": "battery.volts", "value": 1, "time": None} in result["samples"]
    assert (result["warnings"], result["errors"]) == (["battery is low"], [])
    failed = (await api.alice.post(url, json={"bytes": "00", "fPort": 9})).json()["result"]
    assert failed["errors"][0]["reason"] == "decoder_error"
    script = "function decodeUplink(input) {\n  console.log('here', input.bytes);\n  return input.no.more;\n}"
    failed = (await api.alice.post(url, json={"bytes": "07", "script": script})).json()["result"]
    assert (failed["errors"][0]["line"], failed["console"]) == (3, ["here [7]"])
    error(await api.alice.post(url, json={"bytes": "0"}), 422, "invalid")
    assert not await Reading.objects.aexists()


async def test_a_person_tries_one_script_at_a_time(api: Callers, space: Space) -> None:
    decoder = await made(api, space)
    given = {"bytes": "00", "script": "function Decoder() {\n  for (;;) {}\n}"}
    url = f"{DECODERS}/{decoder['id']}/try"
    answers = await asyncio.gather(*[api.alice.post(url, json=given) for _ in range(3)])
    assert sorted(one.status_code for one in answers) == [200, 429, 429]


async def test_vectors_of_the_vendor_are_compared(api: Callers, space: Space) -> None:
    decoder = await made(api, space)
    data = {"temperature": 25, "battery": {"volts": 3.6}, "at": True}
    examples = [
        {"description": "normal", "input": {"bytes": [9, 196, 180], "fPort": 2}, "output": {"data": data}},
        {"bytes": "09c4b4", "fPort": 2, "data": data},
        {"bytes": "09c4b4", "fPort": 2, "data": {"temperature": 7}},
        {"type": "uplink", "input": {"bytes": [], "fPort": 9}, "output": {"errors": ["unknown FPort 9"]}},
        {"type": "downlink-encode", "input": {"data": {"interval": 5}}, "output": {"bytes": [1, 5], "fPort": 3}},
    ]
    response = await api.alice.post(f"{DECODERS}/{decoder['id']}/try", json={"examples": examples})
    found = response.json()
    assert [one["passed"] for one in found["examples"]] == [True, True, False, True, True]
    assert found["result"] is None
    assert found["examples"][0]["description"] == "normal"


async def test_a_device_gets_a_decoder_and_its_bytes_are_stored(
    api: Callers, space: Space, pump_sender: Sender
) -> None:
    decoder = await made(api, space, OLD)
    changed = await api.alice.patch("/api/v1/devices/pump-1", json={"decoder": decoder["id"]})
    assert changed.json()["decoder"] == decoder["id"]
    url = "/api/v1/devices/pump-1/telemetry"
    response = await api.nobody.post(url, content=b"\x10\x02\x01", auth=pump_sender.basic, params={"fPort": 7})
    assert response.json() == {"stored": 3}
    await api.alice.patch(f"{DECODERS}/{decoder['id']}", json={"script": "function Decoder(b) {\n return b.x.y }"})
    refused = await api.nobody.post(url, content=b"\x10\x02\x01", auth=pump_sender.basic)
    assert "line 2" in str(error(refused, 422, "refused")["message"])
    await api.alice.patch("/api/v1/devices/pump-1", json={"decoder": None})
    response = await api.nobody.post(url, json={"a": 1}, auth=pump_sender.basic)
    assert response.json() == {"stored": 1}
    items = (await api.carol.get("/api/v1/devices/pump-1/refusals")).json()["items"]
    assert [(one["reason"], one["start"]) for one in items] == [("decoder_failed", r"\x10\x02\x01")]


async def test_a_device_gets_no_decoder_of_another_space(api: Callers, space: Space, pump: Device) -> None:
    cellar = await Space.objects.acreate(slug="cellar", name="Cellar")
    foreign = await Decoder.objects.acreate(space=cellar, name="X", script=OLD)
    response = await api.alice.patch("/api/v1/devices/pump-1", json={"decoder": foreign.pk})
    error(response, 404, "not_found")
    error(await api.bob.patch("/api/v1/devices/pump-1", json={"decoder": None}), 403, "forbidden")
