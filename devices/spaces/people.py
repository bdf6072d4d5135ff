"""Accounts of people, which are what Django's own users are."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import IntegrityError, transaction

from devices.errors import Invalid

Person = AbstractBaseUser | AnonymousUser


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
