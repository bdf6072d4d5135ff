"""API tokens, with which programs act as a person."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser, User

from devices.runtime.credentials import TOKEN_PREFIX, hash_secret, hash_token, new_token
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


def of_person(username: str, token: str) -> ApiToken | None:
    """The token, with its `user`, if it belongs to the person of this name and they are active."""
    if not token.startswith(TOKEN_PREFIX):
        return None  # without a query: most wrong secrets are those of devices
    found = ApiToken.objects.select_related("user").filter(hash=hash_token(token), user__is_active=True).first()
    return found if found is not None and found.user.get_username() == username else None


def valid(ids: Iterable[int]) -> set[int]:
    """The ids of those tokens that still exist and belong to active people."""
    return set(ApiToken.objects.filter(pk__in=ids, user__is_active=True).values_list("pk", flat=True))


def holders(people: Iterable[int]) -> dict[int, str]:
    """Person -> username, for those of them who are active and have a token."""
    found = ApiToken.objects.filter(user__in=people, user__is_active=True)
    return dict(found.values_list("user", "user__username"))


def holders_called(usernames: Iterable[str]) -> list[User]:
    """The active people of these names who have a token."""
    return list(User.objects.filter(username__in=list(usernames), is_active=True, api_tokens__isnull=False).distinct())


def logins() -> list[Login]:
    """Of all active people with tokens, for brokers that know one secret per account and only a hash of it."""
    found: dict[int, Login] = {}
    tokens = ApiToken.objects.filter(user__is_active=True).order_by("pk")
    for person_id, username, hashed in tokens.values_list("user", "user__username", "secret_hash"):
        if hashed or person_id not in found:
            found[person_id] = Login(person_id, username, hashed)
    return list(found.values())
