"""Spaces and their members. What a space or a member brings about in rooms: `devices.rooms.provisioning`."""

from __future__ import annotations

import re

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from devices.errors import Invalid
from devices.spaces.models import Member, Space
from devices.values import Role

_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}")


def create(slug: str, name: str) -> Space:
    """A new space without members. Raises `Invalid` on a bad or taken slug and on a bad name."""
    if not _SLUG.fullmatch(slug):
        raise Invalid(f"{slug!r} is not a valid slug: use 1 to 64 letters, digits, '_' or '-'")
    name = name.strip() or slug
    if len(name) > 120 or not name.isprintable():
        raise Invalid("a name has up to 120 printable characters")
    try:
        with transaction.atomic():
            return Space.objects.create(slug=slug, name=name)
    except IntegrityError:
        raise Invalid(f"there is already a space {slug!r}") from None


def set_role(space: Space, person: AbstractBaseUser, role: Role) -> bool:
    """Gives the person this role in the space; whether they have become a member by it.

    Raises `Invalid` if nobody would be left to manage the space.
    """
    with transaction.atomic():
        if role < Role.MANAGER:
            _keep_a_manager(space, person)
        # Saved one by one: the model's signals notify the connections of the person.
        _, is_new = Member.objects.update_or_create(space=space, user_id=person.pk, defaults={"role": role})
    return is_new


def remove(space: Space, person: AbstractBaseUser) -> None:
    """The person no longer sees anything of the space. Raises `Invalid` if nobody would be left to manage it."""
    with transaction.atomic():
        _keep_a_manager(space, person)
        Member.objects.filter(space=space, user=person.pk).delete()


def _keep_a_manager(space: Space, leaving: AbstractBaseUser) -> None:
    # The space's row is locked, so that one of two managers who leave at the same time stays.
    Space.objects.select_for_update().get(pk=space.pk)
    managers = Member.objects.filter(space=space, role=Role.MANAGER)
    if managers.filter(user=leaving.pk).exists() and not managers.exclude(user=leaving.pk).exists():
        raise Invalid("a space has at least one manager")
