"""Members of spaces. `devices.rooms.provisioning` calls this and announces new members in the rooms."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from devices.errors import Invalid
from devices.spaces.models import Member, Space
from devices.values import Role


def set_role(space: Space, person: AbstractBaseUser, role: Role) -> bool:
    """Gives the person this role in the space; returns whether they are a new member.

    Raises `Invalid` if the space would be left without a manager.
    """
    with transaction.atomic():
        if role < Role.MANAGER:
            _require_another_manager(space, person)
        # Saved one by one, since the model's signals notify the connections of the person.
        _, is_new = Member.objects.update_or_create(space=space, user_id=person.pk, defaults={"role": role})
    return is_new


def remove(space: Space, person: AbstractBaseUser) -> None:
    """Ends the membership. Raises `Invalid` if the space would be left without a manager."""
    with transaction.atomic():
        _require_another_manager(space, person)
        Member.objects.filter(space=space, user=person.pk).delete()


def _require_another_manager(space: Space, leaving: AbstractBaseUser) -> None:
    # Locks the space, so that of two managers who leave at the same time one has to stay.
    Space.objects.select_for_update().get(pk=space.pk)
    managers = Member.objects.filter(space=space, role=Role.MANAGER)
    if managers.filter(user=leaving.pk).exists() and not managers.exclude(user=leaving.pk).exists():
        raise Invalid("a space must have at least one manager")
