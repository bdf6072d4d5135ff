"""Values in query strings."""

from __future__ import annotations

import re

from django.http import HttpRequest

_NUMBER = re.compile(r"[0-9]{1,18}")


def whole_number(request: HttpRequest, name: str) -> int | None:
    """The whole number under this name in the query string; `None` if there is none."""
    text = request.GET.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else None
