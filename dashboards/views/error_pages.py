"""The domain's errors as HTTP errors that have pages, and as sentences on a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied
from django.http import Http404

from devices.errors import Forbidden, HubbubError, NotFound


@contextmanager
def errors_as_pages() -> Iterator[None]:
    """404 for anything missing or foreign, which must look the same, and 403 if only the role is insufficient."""
    try:
        yield
    except NotFound as error:
        raise Http404(error.message) from None
    except Forbidden as error:
        raise PermissionDenied(error.message) from None


def sentence(error: HubbubError) -> str:
    """The error's message as a sentence, with a capital letter and a full stop."""
    return f"{error.message[:1].upper()}{error.message[1:]}."
