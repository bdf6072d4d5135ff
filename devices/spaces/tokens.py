"""API tokens, with which programs act as a person."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from devices.runtime.credentials import hash_token, new_token
from devices.spaces.models import ApiToken


def create(user: AbstractBaseUser) -> str:
    """A new API token of the person; it cannot be read again."""
    token = new_token()
    ApiToken.objects.create(user_id=user.pk, hash=hash_token(token))
    return token


def owner(token: str) -> AbstractBaseUser | None:
    """The person whose API token this is, if they are active."""
    found = ApiToken.objects.select_related("user").filter(hash=hash_token(token), user__is_active=True).first()
    return found.user if found else None
