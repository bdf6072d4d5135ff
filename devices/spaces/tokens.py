"""API tokens, with which programs act as a person."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from devices.runtime.credentials import hash_secret, hash_token, new_token
from devices.spaces.login import Login
from devices.spaces.models import ApiToken


def create(user: AbstractBaseUser) -> str:
    """A new API token of the person; it cannot be read again."""
    token = new_token()
    ApiToken.objects.create(user_id=user.pk, hash=hash_token(token), secret_hash=hash_secret(token))
    return token


def owner(token: str) -> AbstractBaseUser | None:
    """The person whose API token this is, if they are active."""
    found = ApiToken.objects.select_related("user").filter(hash=hash_token(token), user__is_active=True).first()
    return found.user if found else None


def logins() -> list[Login]:
    """Of all active people with tokens, for brokers that know one secret per account and only a hash of it."""
    found: dict[int, Login] = {}
    tokens = ApiToken.objects.filter(user__is_active=True).order_by("pk")
    for person_id, username, hashed in tokens.values_list("user", "user__username", "secret_hash"):
        if hashed or person_id not in found:
            found[person_id] = Login(person_id, username, hashed)
    return list(found.values())
