from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Command, Device
from devices.refusals import store as refusals_store
from devices.refusals.store import RefusalRecord
from devices.registry import accounts
from tests.dashboards.pages.conftest import ClientOf, data, store


def test_it_shows_values_attributes_and_recent_commands(client_of: ClientOf, bob: User, pump: Device) -> None:
    store(pump, flow=12.5)
    Device.objects.filter(pk=pump.pk).update(attributes={"firmware": "2.4.1"})
    times = {"issued_at": 5_000_000, "expires_at": 9_000_000, "changed_at": 6_000_000}
    Command.objects.create(id="c1", device=pump, issued_by=bob, name="set", args={"on": True}, **times)
    page = data(client_of(bob).get("/devices/pump-1/"))
    assert page["snapshot"]["latest"]["flow"][1] == 12.5
    assert page["snapshot"]["device"]["attributes"] == {"firmware": "2.4.1"}
    assert [(c["id"], c["by"], c["args"], c["issued_at"]) for c in page["commands"]] == [
        ("c1", "bob", {"on": True}, 5000)
    ]


def test_it_requires_a_login(client: Client, pump: Device) -> None:
    assert client.get("/devices/pump-1/")["Location"] == "/login/?next=/devices/pump-1/"


def test_a_foreign_and_a_missing_device_look_the_same(client_of: ClientOf, alice: User, foreign_pump: Device) -> None:
    browser = client_of(alice)
    foreign, missing = browser.get("/devices/foreign-pump/"), browser.get("/devices/missing-pump/")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.content == missing.content


def test_a_person_who_is_not_a_member_does_not_find_it(client_of: ClientOf, mallory: User, pump: Device) -> None:
    assert client_of(mallory).get("/devices/pump-1/").status_code == 404


@pytest.mark.parametrize(
    ("name", "may_command", "may_manage"), [("alice", True, True), ("bob", True, False), ("carol", False, False)]
)
def test_it_offers_what_the_role_allows(
    client_of: ClientOf,
    request: pytest.FixtureRequest,
    pump: Device,
    name: str,
    may_command: bool,
    may_manage: bool,
) -> None:
    answer = client_of(request.getfixturevalue(name)).get("/devices/pump-1/")
    assert data(answer)["may_command"] is may_command
    assert (b"data-send-command" in answer.content) is may_command
    assert (b"Operators only" in answer.content) is not may_command
    assert (b"/devices/pump-1/secret/" in answer.content) is may_manage
    assert (b"data-answers-form" in answer.content) is may_manage


@pytest.mark.parametrize(("name", "manages"), [("alice", True), ("bob", False)])
def test_it_has_the_devices_room(
    client_of: ClientOf, request: pytest.FixtureRequest, pump: Device, name: str, manages: bool
) -> None:
    page = data(client_of(request.getfixturevalue(name)).get("/devices/pump-1/"))
    assert page["room"] == {"id": pump.room.pk, "device": "pump-1", "space": pump.space.slug}
    assert page["person"] == {"username": name, "manages": manages}
    assert page["open_at"] is None


@pytest.mark.parametrize(("query", "seq"), [("seq=812", 812), ("seq=-1", None), ("seq=x", None), ("seq=²", None)])
def test_a_link_opens_a_message_of_the_room(
    client_of: ClientOf, bob: User, pump: Device, query: str, seq: int | None
) -> None:
    assert data(client_of(bob).get(f"/devices/pump-1/?{query}"))["open_at"] == seq


def test_hostile_names_and_values_are_text(client_of: ClientOf, alice: User, pump: Device) -> None:
    store(pump, **{"<img src=x onerror=alert(1)>": "</script><script>alert(2)</script>"})
    attributes = {"units.x": "</script><script>alert(3)</script>"}
    Device.objects.filter(pk=pump.pk).update(name="<b>Pump</b>", attributes=attributes)
    page = client_of(alice).get("/devices/pump-1/").content
    assert b"<script>alert" not in page
    assert b"<img src=x" not in page
    assert b"<b>Pump" not in page


def test_a_manager_replaces_the_secret_and_sees_it_once(client_of: ClientOf, alice: User, pump: Device) -> None:
    browser = client_of(alice)
    answer = browser.post("/devices/pump-1/secret/")
    secret = answer.context["secret"]
    assert secret.encode() in answer.content
    assert accounts.authenticate("pump-1", secret) == pump
    assert "no-store" in answer["Cache-Control"]
    assert secret.encode() not in browser.get("/devices/pump-1/").content


def test_the_secret_is_not_replaced_by_a_get(client_of: ClientOf, alice: User, pump: Device) -> None:
    assert client_of(alice).get("/devices/pump-1/secret/").status_code == 405


@pytest.mark.parametrize(("name", "status"), [("bob", 403), ("carol", 403), ("mallory", 404)])
def test_nobody_else_replaces_the_secret(
    client_of: ClientOf, request: pytest.FixtureRequest, pump: Device, name: str, status: int
) -> None:
    answer = client_of(request.getfixturevalue(name)).post("/devices/pump-1/secret/")
    assert answer.status_code == status
    assert Device.objects.get(pk=pump.pk).secret_hash == pump.secret_hash


def test_refused_messages_are_text(client_of: ClientOf, carol: User, pump: Device) -> None:
    hostile = b"</script><script>alert(1)</script>"
    refusals_store.record(
        [RefusalRecord("pump-1", "telemetry", "invalid_json", "", hostile, len(hostile), 1_000_000, 2_000_000)]
    )
    answer = client_of(carol).get("/devices/pump-1/")
    assert b"<script>alert" not in answer.content
    [row] = data(answer)["refusals"]
    assert (row["meaning"], row["start"], row["at"]) == ("the payload is not JSON", hostile.decode(), 2000)
