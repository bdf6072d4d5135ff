"""Programs at the embedded broker: what they sign in with, and what they receive."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from bridges.broker import SessionLimits
from bridges.embedded import programs
from bridges.embedded.accounts import AccountAuthenticator
from bridges.embedded.program_rights import ProgramRights
from bridges.mqtt.packets import ReasonCode, Version
from devices.commands import lifecycle
from devices.models import Space
from devices.rooms import provisioning
from devices.runtime import stats
from tests.bridges.embedded.clients import Client, Hub

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = ("telemetry", "status", "attributes", "answers/1")


async def report(device: Client, uid: str) -> None:
    for kind in (*KINDS, "other", "set", "set/speed"):
        await device.publish(f"devices/{uid}/{kind}", b"{}")


@pytest.mark.parametrize("topic_filter", ["devices/#", "#", "devices/+/#", "+/#", "$share/group/devices/#"])
async def test_a_wide_subscription_delivers_what_the_devices_of_the_person_report(
    hub: Hub, topic_filter: str, bob: User
) -> None:
    program, stranger = await hub.connect("carol"), await hub.connect("mallory")
    assert await program.subscribe(topic_filter) == (ReasonCode.GRANTED_QOS_1,)
    await stranger.subscribe(topic_filter)
    for uid in ("pump", "far"):
        await report(await hub.connect(uid), uid)
    listening = await hub.connect("pump")
    await listening.subscribe("devices/pump/commands/+")
    command = await lifecycle.issue(bob, "pump", "set", {"speed": 1})
    assert (await listening.message()).topic == f"devices/pump/commands/{command.id}"
    assert await program.received() == [f"devices/pump/{kind}" for kind in KINDS]
    assert await stranger.received() == [f"devices/far/{kind}" for kind in KINDS]


async def test_people_who_share_a_subscription_take_no_messages_from_each_other(hub: Hub) -> None:
    programs = [await hub.connect(name) for name in ("carol", "bob", "bob")]
    for program in programs:
        await program.subscribe("$share/group/devices/#")
    device = await hub.connect("pump")
    for _ in range(4):
        await device.publish("devices/pump/attributes")
    assert [len(await program.received()) for program in programs] == [4, 2, 2]


async def test_a_subscription_may_name_a_device_or_a_kind(hub: Hub) -> None:
    program = await hub.connect("carol")
    await program.subscribe("devices/pump/+", "devices/+/attributes")
    for uid in ("pump", "valve", "far"):
        await report(await hub.connect(uid), uid)
    expected = ["pump/telemetry", "pump/status", "pump/attributes", "valve/attributes"]
    assert await program.received() == [f"devices/{topic}" for topic in expected]


@pytest.mark.parametrize(
    "topic_filter",
    [
        "devices/far/#",
        "devices/unknown/telemetry",
        "devices/+/commands/+",
        "devices/pump/commands/#",
        "devices/pump/set",
        "devices/pump",
        "devices",
        "+",
        "other/#",
        "responses/bob/#",
        "responses/#",
        "$SYS/#",
        "$other/#",
        "$share/group/$SYS/#",
        "$share/group/devices/far/#",
    ],
)
async def test_a_subscription_to_anything_else_is_refused(hub: Hub, topic_filter: str) -> None:
    assert await (await hub.connect("carol")).subscribe(topic_filter) == (ReasonCode.UNSPECIFIED_ERROR,)
    five = await hub.connect("carol", version=Version.V5)
    assert await five.subscribe(topic_filter) == (ReasonCode.NOT_AUTHORIZED,)
    assert hub.broker.stats["refused_subscriptions.foreign"] == 2


async def test_retained_messages_are_delivered_at_once_as_far_as_allowed(hub: Hub) -> None:
    for uid in ("pump", "far"):
        device = await hub.connect(uid)
        await device.publish(f"devices/{uid}/status", b"online", retain=True)
        await device.publish(f"devices/{uid}/attributes", retain=True)
        await device.publish(f"devices/{uid}/telemetry", retain=True)
    program = await hub.connect("carol")
    await program.subscribe("devices/#")
    messages = await program.messages()
    assert {message.topic for message in messages} == {"devices/pump/status", "devices/pump/attributes"}
    assert all(message.retain for message in messages)


async def test_a_program_signs_in_with_the_name_and_a_token_of_an_active_person(hub: Hub, bob: User) -> None:
    token = hub.secrets["bob"]
    assert not await hub.refuses("bob", token)
    for name, secret in (
        ("carol", token),
        ("pump", token),
        ("bob", "bob's password"),
        ("bob", token + "x"),
        ("", token),
    ):
        assert await hub.refuses(name, secret), name
    await User.objects.filter(pk=bob.pk).aupdate(is_active=False)
    assert await hub.refuses("bob", token)


async def test_a_person_and_a_device_of_one_name_share_nothing(hub: Hub, space: Space) -> None:
    """The secret decides which of them signs in."""
    _, secret = await sync_to_async(provisioning.create_device)("carol", space)
    device = await hub.connect("carol", secret, client_id="same", clean_start=False)
    program = await hub.connect("carol", client_id="same", clean_start=False)
    await device.subscribe("devices/carol/commands/+")
    await program.subscribe("devices/carol/#")
    await device.publish("devices/carol/status", b"online", retain=True)
    assert await program.received() == ["devices/carol/status"]
    assert await device.received() == []
    await program.publish("devices/carol/status", b"forged", retain=True)
    assert hub.broker.stats["refused_publishes"] == 1
    await hub.broker.disconnect("carol")
    await device.closed()
    assert await program.received() == []


async def test_the_sessions_of_a_person_are_counted_together(hub: Hub, settings: Any) -> None:
    settings.CONNECTION_LIMIT = 5
    before = stats.errors.labels("mqtt", "too_many")._value.get()
    for _ in range(5):
        await hub.connect("carol")
    assert await hub.refuses("carol", hub.secrets["carol"])
    assert stats.errors.labels("mqtt", "too_many")._value.get() == before + 1
    assert not await hub.refuses("bob", hub.secrets["bob"])
    assert hub.broker.stats["refused_logins.too_many_sessions"] == 1


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> SessionLimits:
    limits = SessionLimits(queue_messages=5, queue_bytes=1_000, pool_bytes=2_500)
    monkeypatch.setattr(programs, "LIMITS", limits)
    return limits


async def keep(hub: Hub, client_id: str) -> None:
    """Leaves a session that keeps what `pump` reports."""
    program = await hub.connect("carol", client_id=client_id, clean_start=False)
    await program.subscribe("devices/pump/attributes")
    await program.disconnect()


@pytest.mark.parametrize(("size", "fitting"), [(10, 5), (450, 2)])
async def test_what_is_kept_for_a_program_is_bounded(hub: Hub, narrow: SessionLimits, size: int, fitting: int) -> None:
    await keep(hub, "offline")
    device = await hub.connect("pump")
    for _ in range(7):
        await device.publish("devices/pump/attributes", b'"' + b"x" * size + b'"')
    assert hub.broker.stats["dropped.offline_qos1"] == 7 - fitting
    back = await hub.connect("carol", client_id="offline", clean_start=False)
    assert len(await back.received()) == fitting


async def test_what_is_kept_for_all_programs_is_bounded_together(hub: Hub, narrow: SessionLimits) -> None:
    for number in range(3):
        await keep(hub, f"offline-{number}")
    device = await hub.connect("pump")
    for _ in range(2):
        await device.publish("devices/pump/attributes", b'"' + b"x" * 450 + b'"')
    assert hub.broker.stats["dropped.offline_qos1"] == 1
    assert hub.broker._shared.sessions._pool.held == 0  # that of the devices


async def test_a_device_is_not_held_up_by_a_program_that_reads_nothing(hub: Hub, narrow: SessionLimits) -> None:
    program = await hub.connect("carol")
    await program.subscribe("devices/pump/attributes", qos=0)
    device = await hub.connect("pump")
    while not hub.broker.stats["dropped.slow_qos0"]:
        await device.publish("devices/pump/attributes", b'"' + b"x" * 100_000 + b'"', 0)
    await device.publish("devices/pump/attributes")


async def test_sessions_that_outlive_a_restart_have_the_rights_of_their_person(
    hub: Hub, alice: User, carol: User, mallory: User
) -> None:
    await User.objects.filter(pk=alice.pk).aupdate(is_active=False)
    await sync_to_async(carol.api_tokens.all().delete)()
    people = [f"person:{name}" for name in ("alice", "bob", "carol", "mallory")]
    names = {"pump", "bob", "unknown", "person:pump", *people}
    found = await AccountAuthenticator(ProgramRights()).principals(names)
    assert found.keys() == {"pump", "person:bob", "person:mallory"}
    assert found["person:bob"].may_receive("devices/pump/status")
    assert not found["person:mallory"].may_receive("devices/pump/status")
    assert [principal.name for principal in found.values()] == list(found)
