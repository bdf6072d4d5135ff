"""Spaces. `devices.rooms.provisioning` calls this and adds the first room and the first manager."""

from __future__ import annotations

import re

from django.db import IntegrityError, transaction

from devices.errors import Invalid
from devices.spaces.models import Space

_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}")


def create(slug: str, name: str) -> Space:
    """A new space without members; without a `name` it has its slug as name.

    Raises `Invalid` for a slug or a name that is not valid, and for a slug that is taken.
    """
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
