from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from devices.access import role_in
from devices.models import ApiToken, Bot, Space
from devices.spaces.tokens import owner
from devices.values import Role


def run(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("createbot", *arguments, stdout=output)
    return output.getvalue().splitlines()


@pytest.mark.parametrize(
    ("options", "role"),
    [([], Role.VIEWER), (["--role", "operator"], Role.OPERATOR), (["--role", "manager"], Role.MANAGER)],
)
def test_it_prints_a_token_and_nothing_else(space: Space, options: list[str], role: Role) -> None:
    [token] = run("gardener", "--space", "garden", *options)
    bot = owner(token)
    assert isinstance(bot, User)
    assert (bot.username, role_in(bot, space.pk), bot.has_usable_password()) == ("gardener", role, False)
    assert Bot.objects.get().user == bot


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["gardener", "--space", "nowhere"], "nowhere"),
        (["bob", "--space", "garden"], "taken"),
        (["two words", "--space", "garden"], "two words"),
        (["gardener", "--space", "garden", "--role", "king"], "king"),
    ],
)
def test_an_invalid_argument_is_named_and_creates_nothing(
    space: Space, bob: User, arguments: list[str], named: str
) -> None:
    with pytest.raises(CommandError, match=named):
        run(*arguments)
    assert not ApiToken.objects.exists()
    assert list(User.objects.all()) == [bob]
