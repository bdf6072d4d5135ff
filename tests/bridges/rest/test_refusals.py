"""The last refused messages of a device, over HTTP. Access is tested in test_rights.py."""

from __future__ import annotations

import pytest

from bridges.codec.json_reading import MAX_PAYLOAD
from bridges.rest.api import api as ninja_api
from devices.models import Device, StoredRefusal
from devices.values import now_us
from tests.bridges.rest.conftest import Callers, Sender, caller, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

PATH = "/api/v1/devices/pump-1/refusals"


async def test_a_refused_message_is_shown_to_every_member(api: Callers, pump_sender: Sender) -> None:
    before = now_us() // 1000
    sent = await caller().post("/api/v1/devices/pump-1/telemetry", content=b'{"a": NaN}', auth=pump_sender.basic)
    error(sent, 422, "refused")
    for client in (api.alice, api.bob, api.carol):
        [row] = (await client.get(PATH)).json()["items"]
        assert (row["reason"], row["kind"], row["start"], row["count"]) == ("not_finite", "telemetry", '{"a": NaN}', 1)
        assert row["key"] == "a"
        assert (await client.get(PATH)).json()["unstored"]["key"] == "a"
        assert before <= row["first_at"] == row["at"] <= now_us() // 1000


async def test_a_manager_of_another_space_sees_none_of_them(
    api: Callers, pump_sender: Sender, meter_sender: Sender
) -> None:
    await caller().post("/api/v1/devices/pump-1/telemetry", content=b"{", auth=pump_sender.basic)
    error(await api.mallory.get(PATH), 404, "not_found")
    assert (await api.mallory.get("/api/v1/devices/meter-9/refusals")).json() == {"items": [], "unstored": None}


@pytest.mark.parametrize("announced", [True, False])
async def test_a_payload_that_is_too_large_is_listed_too(api: Callers, pump_sender: Sender, announced: bool) -> None:
    async def chunks():
        yield b"x" * (MAX_PAYLOAD + 1)

    content = b"x" * (MAX_PAYLOAD + 1) if announced else chunks()
    sent = await caller().post("/api/v1/devices/pump-1/telemetry", content=content, auth=pump_sender.basic)
    error(sent, 413, "refused")
    [row] = (await api.carol.get(PATH)).json()["items"]
    assert (row["reason"], row["start"], row["size"]) == ("payload_too_large", "x" * 200, MAX_PAYLOAD + 1)


async def test_a_body_that_is_not_gzip_is_shown(api: Callers, pump_sender: Sender) -> None:
    headers = {"Content-Encoding": "gzip"}
    await caller().post("/api/v1/devices/pump-1/telemetry", content=b"{}", headers=headers, auth=pump_sender.basic)
    [row] = (await api.carol.get(PATH)).json()["items"]
    assert (row["reason"], row["start"], row["size"]) == ("invalid_gzip", "{}", 2)


async def test_a_device_without_refused_messages_has_an_empty_list(api: Callers, pump: Device) -> None:
    assert (await api.carol.get(PATH)).json() == {"items": [], "unstored": None}
    assert not await StoredRefusal.objects.aexists()


def test_the_document_describes_every_field() -> None:
    described = ninja_api.get_openapi_schema()["components"]["schemas"]["RefusalFacts"]["properties"]
    stored = {field.name for field in StoredRefusal._meta.get_fields()} - {"device"}
    assert described.keys() == stored | {"meaning"}
