from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from devices.access import Action, may
from devices.errors import Forbidden, Invalid, NotFound, TooMany
from devices.log import entries
from devices.models import ApiToken, Bot, Device, Message, Space, Webhook
from devices.rooms import bots, posting, provisioning, rooms, webhooks
from devices.rooms.webhooks import MAX_WEBHOOKS
from devices.runtime import database
from devices.spaces import members
from devices.spaces.tokens import owner
from devices.values import Role

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bot_talks_with_its_token_and_nobody_signs_in_as_it(space: Space, pump: Device) -> None:
    token = bots.create_bot("gardener", space, Role.OPERATOR)
    bot = owner(token)
    assert isinstance(bot, User)
    assert (bot.username, bot.has_usable_password()) == ("gardener", False)
    assert may(bot, Action.COMMAND, space.pk)
    assert not may(bot, Action.MANAGE, space.pk)
    async_to_sync(posting.post)(bot, pump.room.pk, "/set speed 40")
    assert Message.objects.latest("pk").origin == "bot"


def test_a_name_that_is_taken_makes_nothing(bob: User, space: Space) -> None:
    with pytest.raises(Invalid, match="taken"):
        bots.create_bot("bob", space, Role.MANAGER)
    assert not Bot.objects.exists()
    assert not ApiToken.objects.exists()


def test_a_webhook_is_found_by_its_secret_alone(alice: User, pump: Device) -> None:
    webhook, secret = webhooks.create_webhook(alice, pump.room.pk, " CI ")
    assert (webhook.name, webhook.created_by) == ("CI", alice)
    assert webhooks.webhook(secret) == webhook
    assert secret not in str(Webhook.objects.values().get())
    for other in ("", secret[:-1], secret.lower(), webhook.hash):
        with pytest.raises(NotFound):
            webhooks.webhook(other)
    webhooks.delete_webhook(alice, pump.room.pk, webhook.pk)
    with pytest.raises(NotFound):
        webhooks.webhook(secret)


@pytest.mark.parametrize(("name", "error"), [("bob", Forbidden), ("carol", Forbidden), ("mallory", NotFound)])
def test_only_managers_make_and_end_webhooks(
    name: str, error: type[Exception], request: pytest.FixtureRequest, alice: User, pump: Device
) -> None:
    webhook, _ = webhooks.create_webhook(alice, pump.room.pk, "CI")
    person = request.getfixturevalue(name)
    with pytest.raises(error):
        webhooks.create_webhook(person, pump.room.pk, "CI")
    with pytest.raises(error):
        webhooks.delete_webhook(person, pump.room.pk, webhook.pk)
    assert Webhook.objects.count() == 1


def test_a_webhook_is_ended_in_its_room_alone(alice: User, pump: Device, space: Space) -> None:
    webhook, _ = webhooks.create_webhook(alice, pump.room.pk, "CI")
    other = rooms.create(space, "Coffee")
    with pytest.raises(NotFound):
        webhooks.delete_webhook(alice, other.pk, webhook.pk)


def test_a_conversation_has_no_webhooks(alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        webhooks.create_webhook(alice, posting.conversation(alice, "bob"), "CI")


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb"])
def test_a_name_that_cannot_be_is_refused(alice: User, pump: Device, name: str) -> None:
    with pytest.raises(Invalid):
        webhooks.create_webhook(alice, pump.room.pk, name)


def test_webhooks_of_a_room_are_bounded(alice: User, pump: Device) -> None:
    Webhook.objects.bulk_create(Webhook(room=pump.room, name=str(i), hash=str(i)) for i in range(MAX_WEBHOOKS))
    with pytest.raises(Invalid, match=str(MAX_WEBHOOKS)):
        webhooks.create_webhook(alice, pump.room.pk, "CI")


def post(webhook: Webhook, text: str) -> int:
    return async_to_sync(posting.post_as)(webhook, text)


def test_what_is_posted_stands_under_the_webhook_s_name(alice: User, pump: Device) -> None:
    webhook, _ = webhooks.create_webhook(alice, pump.room.pk, "CI")
    assert post(webhook, " @alice the build is red ") == 1
    said = Message.objects.get()
    assert (said.by, said.author, said.origin, said.text) == ("CI", None, "bot", "@alice the build is red")
    assert said.data == {"mentions": ["alice"]}


def test_a_webhook_commands_nothing(alice: User, pump: Device) -> None:
    webhook, _ = webhooks.create_webhook(alice, pump.room.pk, "CI")
    post(webhook, "/set speed 40")
    assert Message.objects.get().kind == "chat"


def test_each_webhook_has_the_limits_of_a_person(alice: User, pump: Device, space: Space, settings: Any) -> None:
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


async def test_a_webhook_over_its_limit_delays_nobody_in_the_room(
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


def test_a_name_is_taken_once_in_a_room(alice: User, pump: Device, space: Space) -> None:
    """Two of one name would share a limit, and nobody could tell who says what."""
    webhooks.create_webhook(alice, pump.room.pk, "CI")
    with pytest.raises(Invalid, match="already"):
        webhooks.create_webhook(alice, pump.room.pk, " CI ")
    webhooks.create_webhook(alice, rooms.create(space, "Coffee").pk, "CI")


def test_a_webhook_ends_with_its_device_s_stay_in_the_space(alice: User, bob: User, pump: Device) -> None:
    webhook, secret = webhooks.create_webhook(alice, pump.room.pk, "CI")
    provisioning.move_device(pump, provisioning.create_space("cellar", "Cellar", bob))
    with pytest.raises(NotFound):
        webhooks.webhook(secret)
    with pytest.raises(NotFound):  # though its secret had been looked at before the device moved
        post(webhook, "still here")
    assert not pump.room.messages.exists()


def test_a_webhook_stays_with_its_room_when_who_made_it_leaves(alice: User, bob: User, space: Space) -> None:
    room = rooms.create(space, "Coffee")
    provisioning.set_role(space, bob, Role.MANAGER)
    webhook, secret = webhooks.create_webhook(bob, room.pk, "CI")
    members.remove(space, bob)
    assert post(webhooks.webhook(secret), "the build is red")
    with pytest.raises(NotFound):
        webhooks.delete_webhook(bob, room.pk, webhook.pk)
    webhooks.delete_webhook(alice, room.pk, webhook.pk)
    with pytest.raises(NotFound):
        post(webhook, "x")


def test_a_room_that_is_gone_takes_nothing_more(alice: User, space: Space) -> None:
    room = rooms.create(space, "Coffee")
    webhook, _ = webhooks.create_webhook(alice, room.pk, "CI")
    room.delete()
    with pytest.raises(NotFound):
        post(webhook, "x")
