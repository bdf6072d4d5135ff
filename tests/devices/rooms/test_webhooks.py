from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from devices.errors import Forbidden, Invalid, NotFound, TooMany
from devices.log import entries
from devices.models import Device, Message, Space, Webhook
from devices.rooms import posting, provisioning, rooms, webhooks
from devices.rooms.webhooks import MAX_WEBHOOKS
from devices.runtime import database
from devices.spaces import members
from devices.values import Role

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_webhook_is_found_only_by_its_exact_secret(alice: User, pump: Device) -> None:
    webhook, secret = webhooks.create_webhook(alice, pump.room.pk, " CI ")
    assert (webhook.name, webhook.created_by) == ("CI", alice)
    assert webhooks.webhook(secret) == webhook
    assert secret not in str(Webhook.objects.values().get())
    for other in ("", secret[:-1], secret.lower(), webhook.hash):
        assert webhooks.webhook(other) is None
    webhooks.delete_webhook(alice, pump.room.pk, webhook.pk)
    assert webhooks.webhook(secret) is None


@pytest.mark.parametrize("name", ["bob", "Bob", "ＢＯＢ", "alice"])
def test_a_webhook_cannot_be_named_like_a_member(name: str, alice: User, bob: User, pump: Device) -> None:
    with pytest.raises(Invalid, match="the name of a member"):
        webhooks.create_webhook(alice, pump.room.pk, name)
    webhooks.create_webhook(alice, pump.room.pk, "mallory")


def test_a_webhook_cannot_be_named_like_a_deactivated_member(alice: User, bob: User, pump: Device) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    with pytest.raises(Invalid, match="the name of a member"):
        webhooks.create_webhook(alice, pump.room.pk, "bob")


def test_a_webhook_gives_way_to_a_new_member_of_its_name(
    alice: User, mallory: User, pump: Device, space: Space
) -> None:
    names = ("Mallory", "mallory", "Mallory (webhook)", "CI")
    made = [webhooks.create_webhook(alice, pump.room.pk, name)[0] for name in names]
    provisioning.set_role(space, mallory, Role.VIEWER)
    found = [Webhook.objects.get(pk=webhook.pk).name for webhook in made]
    assert found == ["Mallory (webhook2)", "mallory (webhook)", "Mallory (webhook)", "CI"]


@pytest.mark.parametrize(("name", "error"), [("bob", Forbidden), ("carol", Forbidden), ("mallory", NotFound)])
def test_only_managers_create_and_delete_webhooks(
    name: str, error: type[Exception], request: pytest.FixtureRequest, alice: User, pump: Device
) -> None:
    webhook, _ = webhooks.create_webhook(alice, pump.room.pk, "CI")
    person = request.getfixturevalue(name)
    with pytest.raises(error):
        webhooks.create_webhook(person, pump.room.pk, "CI")
    with pytest.raises(error):
        webhooks.delete_webhook(person, pump.room.pk, webhook.pk)
    assert Webhook.objects.count() == 1


def test_a_webhook_can_only_be_deleted_in_its_own_room(alice: User, pump: Device, space: Space) -> None:
    webhook, _ = webhooks.create_webhook(alice, pump.room.pk, "CI")
    other = rooms.create(space, "Coffee")
    with pytest.raises(NotFound):
        webhooks.delete_webhook(alice, other.pk, webhook.pk)


def test_a_conversation_cannot_have_webhooks(alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        webhooks.create_webhook(alice, posting.conversation(alice, "bob"), "CI")


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb"])
def test_an_invalid_webhook_name_is_refused(alice: User, pump: Device, name: str) -> None:
    with pytest.raises(Invalid):
        webhooks.create_webhook(alice, pump.room.pk, name)


def test_the_number_of_webhooks_in_a_room_is_limited(alice: User, pump: Device) -> None:
    Webhook.objects.bulk_create(Webhook(room=pump.room, name=str(i), hash=str(i)) for i in range(MAX_WEBHOOKS))
    with pytest.raises(Invalid, match=str(MAX_WEBHOOKS)):
        webhooks.create_webhook(alice, pump.room.pk, "CI")


def post(webhook: Webhook, text: str) -> int:
    return async_to_sync(posting.post_as)(webhook, text)


def test_a_posted_message_has_the_webhook_s_name(alice: User, pump: Device) -> None:
    webhook, _ = webhooks.create_webhook(alice, pump.room.pk, "CI")
    assert post(webhook, " @alice the build is red ") == 1
    posted = Message.objects.get()
    assert (posted.by, posted.author, posted.origin, posted.text) == ("CI", None, "bot", "@alice the build is red")
    assert posted.data == {"mentions": ["alice"]}


def test_a_webhook_cannot_send_commands(alice: User, pump: Device) -> None:
    webhook, _ = webhooks.create_webhook(alice, pump.room.pk, "CI")
    post(webhook, "/set speed 40")
    assert Message.objects.get().kind == "chat"


def test_each_webhook_has_the_rate_limit_of_a_person(alice: User, pump: Device, space: Space, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 2
    builds, _ = webhooks.create_webhook(alice, pump.room.pk, "CI")
    backup, _ = webhooks.create_webhook(alice, pump.room.pk, "backup")
    elsewhere, _ = webhooks.create_webhook(alice, rooms.create(space, "Coffee").pk, "CI")
    for _ in range(2):
        post(builds, "x")
    with pytest.raises(TooMany):
        post(builds, "x")
    post(backup, "x")
    post(elsewhere, "x")
    with pytest.raises(Invalid):
        post(elsewhere, "x\0")


async def test_a_webhook_over_its_limit_does_not_lock_the_room(
    alice: User, pump: Device, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 1
    room = await database.run(lambda: pump.room.pk)
    builds, _ = await database.run(webhooks.create_webhook, alice, room, "CI")
    backup, _ = await database.run(webhooks.create_webhook, alice, room, "backup")
    await posting.post_as(builds, "x")
    with pytest.raises(TooMany):
        await posting.post_as(builds, "x")
    locked: list[int] = []
    lock = entries.lock
    monkeypatch.setattr(entries, "lock", lambda room_id: (locked.append(room_id), lock(room_id)))
    with pytest.raises(TooMany):
        await posting.post_as(builds, "x")
    assert locked == []
    await posting.post_as(backup, "x")
    assert locked == [room]


def test_webhook_names_are_unique_in_a_room(alice: User, pump: Device, space: Space) -> None:
    """Two with the same name would share a rate limit, and readers could not tell them apart."""
    webhooks.create_webhook(alice, pump.room.pk, "CI")
    with pytest.raises(Invalid, match="already"):
        webhooks.create_webhook(alice, pump.room.pk, " CI ")
    webhooks.create_webhook(alice, rooms.create(space, "Coffee").pk, "CI")


def test_a_webhook_is_deleted_when_its_device_moves_to_another_space(alice: User, bob: User, pump: Device) -> None:
    webhook, secret = webhooks.create_webhook(alice, pump.room.pk, "CI")
    provisioning.move_device(pump, provisioning.create_space("cellar", "Cellar", bob))
    assert webhooks.webhook(secret) is None
    with pytest.raises(NotFound):  # even if its secret was checked before the device moved
        post(webhook, "still here")
    assert not pump.room.messages.exists()


def test_a_webhook_survives_the_removal_of_the_member_who_created_it(alice: User, bob: User, space: Space) -> None:
    room = rooms.create(space, "Coffee")
    provisioning.set_role(space, bob, Role.MANAGER)
    webhook, secret = webhooks.create_webhook(bob, room.pk, "CI")
    members.remove(space, bob)
    assert webhooks.webhook(secret) == webhook
    assert post(webhook, "the build is red")
    with pytest.raises(NotFound):
        webhooks.delete_webhook(bob, room.pk, webhook.pk)
    webhooks.delete_webhook(alice, room.pk, webhook.pk)
    with pytest.raises(NotFound):
        post(webhook, "x")


def test_a_webhook_of_a_deleted_room_is_not_found(alice: User, space: Space) -> None:
    room = rooms.create(space, "Coffee")
    webhook, _ = webhooks.create_webhook(alice, room.pk, "CI")
    room.delete()
    with pytest.raises(NotFound):
        post(webhook, "x")
