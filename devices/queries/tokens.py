from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from devices.credentials import hash_token
from devices.models import ApiToken


def owner(token: str) -> AbstractBaseUser | None:
    """The active person whose API token this is."""
    found = ApiToken.objects.select_related("user").filter(hash=hash_token(token), user__is_active=True).first()
    return found.user if found else None
