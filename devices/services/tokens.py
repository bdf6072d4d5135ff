from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from devices.credentials import hash_token, new_token
from devices.models import ApiToken


def create(user: AbstractBaseUser) -> str:
    """A new API token of `user`, which nobody can read again."""
    token = new_token()
    ApiToken.objects.create(user_id=user.pk, hash=hash_token(token))
    return token
