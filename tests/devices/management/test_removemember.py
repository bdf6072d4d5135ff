from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from devices import access
from devices.access import role_in
from devices.errors import NotFound
from devices.models import Device, Member, Space, Webhook
from devices.rooms import provisioning, webhooks
from devices.values import Role


def run(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("removemember", *arguments, stdout=output)
    return output.getvalue().splitlines()


def test_a_former_member_no_longer_sees_the_space(space: Space, alice: User, bob: User, pump: Device) -> None:
    assert run("bob", "--space", "garden") == ["bob is no longer a member of the space garden"]
    assert role_in(bob, space.pk) is None
    with pytest.raises(NotFound):
        access.room(bob, pump.room.pk)
    assert User.objects.filter(username="bob").exists()
    assert role_in(alice, space.pk) == Role.MANAGER


def test_memberships_of_other_spaces_stay(space: Space, alice: User, bob: User) -> None:
    cellar = provisioning.create_space("cellar", "Cellar", bob)
    run("bob", "--space", "garden")
    assert role_in(bob, cellar.pk) == Role.MANAGER


def test_webhooks_that_they_created_are_listed(space: Space, alice: User, bob: User, pump: Device) -> None:
    provisioning.set_role(space, bob, Role.MANAGER)
    for person, name in ((alice, "weather"), (bob, "builds")):
        webhooks.create_webhook(person, pump.room.pk, name)
    assert run("bob", "--space", "garden")[1:] == ["still active: the webhook builds of the room Irrigation pump"]
    assert Webhook.objects.count() == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["bob", "--space", "nowhere"], "nowhere"),
        (["mallory", "--space", "garden"], "mallory"),
        (["nobody", "--space", "garden"], "nobody"),
        (["alice", "--space", "garden"], "manager"),
    ],
)
def test_an_invalid_argument_is_named_and_changes_nothing(
    space: Space, alice: User, bob: User, mallory: User, arguments: list[str], named: str
) -> None:
    with pytest.raises(CommandError, match=named):
        run(*arguments)
    assert Member.objects.count() == 2
