"""Writes of spaces and their members."""

from __future__ import annotations

import re

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from devices import fanout
from devices.errors import Invalid
from devices.models import Member, Space
from devices.services import rooms
from devices.values import Role

_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}")


def create(slug: str, name: str, manager: AbstractBaseUser) -> Space:
    """A new space with its first manager. Raises `Invalid` on a bad or taken slug and on a bad name."""
    if not _SLUG.fullmatch(slug):
        raise Invalid(f"{slug!r} is no slug: 1 to 64 letters, digits, '_' or '-'")
    name = name.strip() or slug
    if len(name) > 120 or not name.isprintable():
        raise Invalid("a name has up to 120 printable characters")
    with transaction.atomic():
        try:
            with transaction.atomic():
                space = Space.objects.create(slug=slug, name=name)
        except IntegrityError:
            raise Invalid(f"there is a space {slug!r} already") from None
        rooms.create(space, rooms.GENERAL)
        set_role(space, manager, Role.MANAGER)
    return space


def set_role(space: Space, person: AbstractBaseUser, role: Role) -> None:
    """Makes the person a member with this role. Raises `Invalid` where nobody would be left to manage the space."""
    with transaction.atomic():
        if role < Role.MANAGER:
            _keep_a_manager(space, person)
        # Saved one by one: their connections are told of it by the models' signals.
        _, is_new = Member.objects.update_or_create(space=space, user_id=person.pk, defaults={"role": role})
        if is_new:
            told = rooms.welcome(space, person)
            transaction.on_commit(lambda: fanout.publish_from_sync(told))


def remove_member(space: Space, person: AbstractBaseUser) -> None:
    """The person sees nothing more of the space. Raises `Invalid` where nobody would be left to manage it."""
    with transaction.atomic():
        _keep_a_manager(space, person)
        Member.objects.filter(space=space, user=person.pk).delete()


def _keep_a_manager(space: Space, leaving: AbstractBaseUser) -> None:
    # The space's row is locked, so that of two managers who leave at once one stays.
    Space.objects.select_for_update().get(pk=space.pk)
    managers = Member.objects.filter(space=space, role=Role.MANAGER)
    if managers.filter(user=leaving.pk).exists() and not managers.exclude(user=leaving.pk).exists():
        raise Invalid("a space has at least one manager")


def create_person(username: str, password: str | None) -> AbstractBaseUser:
    """A new person, a member of nothing yet; without a password nobody signs in as them.

    Raises `Invalid` on a name that is taken or cannot be.
    """
    people = get_user_model()
    if not username.isprintable() or not 1 <= len(username) <= 150 or " " in username:
        raise Invalid(f"{username!r} is no user name: up to 150 printable characters without blanks")
    try:
        with transaction.atomic():
            return people.objects.create_user(username, password=password)
    except IntegrityError:
        raise Invalid(f"the user name {username!r} is taken") from None


def known_or_new(username: str, password: str | None) -> AbstractBaseUser:
    """The person of this name, made where there is none. Raises `Invalid` like `create_person`."""
    known = get_user_model().objects.filter(username=username).first()
    return known or create_person(username, password)
