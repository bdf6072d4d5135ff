"""Trying a mapping, and listening at a broker, before a source is added."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.models import OutsideBroker, Source, Space
from tests.bridges.rest.conftest import Callers, error
from tests.bridges.rest.conftest import api as api
from tests.bridges.rest.conftest import fresh_process as fresh_process

pytestmark = pytest.mark.django_db(transaction=True)

RULES = {"rules": [{"topic": "{device}/{metric}", "decoder": "scalar", "units": {"temperature": "°C"}}]}


async def tried(api: Callers, space: Space, *messages: dict[str, Any], **more: Any) -> Any:
    given = {"space": space.slug, "prefix": "home", "options": RULES, "messages": list(messages), **more}
    return await api.alice.post("/api/v1/sources/try", json=given)


async def test_a_trial_shows_what_would_be_stored(api: Callers, space: Space) -> None:
    response = await tried(
        api,
        space,
        {"topic": "home/kitchen/temperature", "payload": "21.5"},
        {"topic": "home/kitchen/temperature", "payload_hex": "ff"},
        {"topic": "elsewhere/x", "payload": "1"},
    )
    assert response.status_code == 200, response.text
    found = response.json()
    assert (found["prefix"], found["filters"], found["publishes_on"]) == ("home", ["home/+/+"], [])
    good, bad, other = found["messages"]
    assert good["problem"] == ""
    assert good["devices"] == [
        {
            "address": "kitchen",
            "name": "",
            "via": "",
            "values": [{"metric": "temperature", "value": 21.5, "time": None}],
            "attributes": {"units.temperature": "°C"},
            "availability": "",
            "problems": [],
        }
    ]
    assert bad["devices"][0]["problems"] == ["home/kitchen/temperature: the payload is not UTF-8: at byte 0"]
    assert (other["devices"], other["problem"].startswith("nothing in it is stored")) == ([], True)
    assert await Source.objects.acount() == 0


async def test_a_definition_that_cannot_work_is_refused_in_words(api: Callers, space: Space) -> None:
    response = await tried(api, space, options={"rules": [{"topic": "#/x"}]})
    assert "rules[0]" in error(response, 422, "invalid")["message"]
    response = await tried(api, space, {"topic": "home/a/b", "payload_hex": "zz"})
    assert "messages[0].payload_hex" in error(response, 422, "invalid")["message"]
    response = await tried(api, space, *[{"topic": "home/a/b", "payload": "1"}] * 51)
    error(response, 422, "invalid")


async def test_presets_are_listed_with_examples_that_work(api: Callers, space: Space) -> None:
    error(await api.nobody.get("/api/v1/sources/presets"), 401, "unauthenticated")
    presets = (await api.carol.get("/api/v1/sources/presets")).json()["items"]
    assert {"wled", "victron", "telegraf"} <= {one["name"] for one in presets}
    for one in presets:
        found = await tried(api, space, *one["examples"], prefix=one["prefix"], options=one["definition"])
        assert all(message["devices"] for message in found.json()["messages"]), one["name"]


async def listen(api: Callers, space: Space, **given: Any) -> Any:
    return await api.alice.post("/api/v1/sources/listen", json={"space": space.slug, **given})


@pytest.mark.parametrize("topics", ["#", "+/x", "", "/x", "devices/#", "gateways/a", "$SYS/#", "a/#/b", "a/b+", "a\n"])
async def test_topics_of_the_hub_and_of_everything_are_not_listened_to(api: Callers, space: Space, topics: str) -> None:
    error(await listen(api, space, filter=topics), 422, "invalid")


async def test_only_brokers_that_the_space_may_use_are_listened_to(api: Callers, space: Space, alice: User) -> None:
    other = await Space.objects.acreate(slug="other", name="Other")
    await OutsideBroker.objects.acreate(name="theirs", host="127.0.0.1", port=1, space=other)
    await OutsideBroker.objects.acreate(name="hubs", host="127.0.0.1", port=1, space=None)
    await OutsideBroker.objects.acreate(name="ours", host="127.0.0.1", port=1, space=space)
    for name in ("theirs", "hubs", "nowhere"):
        error(await listen(api, space, broker=name, filter="home/#"), 404, "not_found")
        given = {"space": space.slug, "convention": "tasmota", "broker": name}
        error(await api.alice.post("/api/v1/sources", json=given), 404, "not_found")
    error(await listen(api, space, broker="ours", filter="home/#"), 503, "unavailable")
    await User.objects.filter(pk=alice.pk).aupdate(is_superuser=True)
    error(await listen(api, space, broker="hubs", filter="home/#"), 503, "unavailable")


async def test_topics_of_another_spaces_source_are_closed(api: Callers, space: Space) -> None:
    other = await Space.objects.acreate(slug="other", name="Other")
    await OutsideBroker.objects.acreate(name="ours", host="127.0.0.1", port=1, space=space)
    await Source.objects.acreate(space=other, broker="ours", convention="tasmota", prefix="")
    error(await listen(api, space, broker="ours", filter="tele/plug/SENSOR"), 403, "forbidden")
    given = {"space": space.slug, "convention": "mapping", "broker": "ours", "prefix": "cmnd", "options": RULES}
    error(await api.alice.post("/api/v1/sources", json=given), 403, "forbidden")
    given["prefix"] = "home"
    assert (await api.alice.post("/api/v1/sources", json=given)).status_code == 201
