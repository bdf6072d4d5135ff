"""Turns the domain's refusals into the HTTP errors that have pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied
from django.http import Http404

from devices.errors import Forbidden, NotFound


@contextmanager
def as_pages() -> Iterator[None]:
    """404 for what is missing or foreign (the two must look alike), 403 where only the role is short."""
    try:
        yield
    except NotFound as error:
        raise Http404(error.message) from None
    except Forbidden as error:
        raise PermissionDenied(error.message) from None
