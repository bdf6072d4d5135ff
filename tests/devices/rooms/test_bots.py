from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from devices.access import Action, may
from devices.errors import Invalid
from devices.models import ApiToken, Bot, Device, Message, Space
from devices.rooms import bots, posting
from devices.spaces.tokens import owner
from devices.values import Role

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bot_posts_with_its_token_and_has_no_password(space: Space, pump: Device) -> None:
    token = bots.create_bot("gardener", space, Role.OPERATOR)
    bot = owner(token)
    assert isinstance(bot, User)
    assert (bot.username, bot.has_usable_password()) == ("gardener", False)
    assert may(bot, Action.COMMAND, space.pk)
    assert not may(bot, Action.MANAGE, space.pk)
    async_to_sync(posting.post)(bot, pump.room.pk, "/set speed 40")
    assert Message.objects.latest("pk").origin == "bot"


def test_a_taken_username_creates_neither_bot_nor_token(bob: User, space: Space) -> None:
    with pytest.raises(Invalid, match="taken"):
        bots.create_bot("bob", space, Role.MANAGER)
    assert not Bot.objects.exists()
    assert not ApiToken.objects.exists()
