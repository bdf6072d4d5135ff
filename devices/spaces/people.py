"""Accounts of people: Django's users."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import IntegrityError, transaction

from devices.errors import Invalid

Person = AbstractBaseUser | AnonymousUser


def create_person(username: str, password: str | None) -> AbstractBaseUser:
    """A new person without memberships. Without a password nobody can sign in as them.

    Raises `Invalid` for a username that is taken or not valid.
    """
    people = get_user_model()
    if not username.isprintable() or not 1 <= len(username) <= 150 or " " in username:
        raise Invalid(f"{username!r} is not a valid username: use up to 150 printable characters without spaces")
    try:
        with transaction.atomic():
            return people.objects.create_user(username, password=password)
    except IntegrityError:
        raise Invalid(f"the username {username!r} is taken") from None


def get_or_create_person(username: str, password: str | None) -> AbstractBaseUser:
    """The person with this username, who is created if there is none. Raises `Invalid` like `create_person`."""
    known = get_user_model().objects.filter(username=username).first()
    return known or create_person(username, password)


def find_person(username: str) -> AbstractBaseUser | None:
    return get_user_model().objects.filter(username=username).first()


def inactive() -> set[int]:
    """The ids of all deactivated people."""
    return set(get_user_model().objects.filter(is_active=False).values_list("pk", flat=True))
