"""Changes of membership; a space always has a manager."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from devices.errors import Invalid
from devices.models import Member, Space
from devices.rooms import provisioning
from devices.spaces import members
from devices.values import Role

pytestmark = pytest.mark.django_db(transaction=True)


def roles(space: Space) -> dict[str, int]:
    return dict(Member.objects.filter(space=space).values_list("user__username", "role"))


def test_a_person_gets_a_role_and_then_another_one(space: Space, alice: User, mallory: User) -> None:
    provisioning.set_role(space, mallory, Role.OPERATOR)
    provisioning.set_role(space, mallory, Role.VIEWER)
    assert roles(space) == {"alice": Role.MANAGER, "mallory": Role.VIEWER}


def test_a_removed_person_is_no_longer_a_member(space: Space, alice: User, carol: User) -> None:
    members.remove(space, carol)
    assert roles(space) == {"alice": Role.MANAGER}


def test_the_last_manager_stays(space: Space, alice: User, bob: User) -> None:
    with pytest.raises(Invalid):
        members.remove(space, alice)
    with pytest.raises(Invalid):
        provisioning.set_role(space, alice, Role.OPERATOR)
    provisioning.set_role(space, bob, Role.MANAGER)
    members.remove(space, alice)
    assert roles(space) == {"bob": Role.MANAGER}
