"""The service worker that shows notifications."""

from __future__ import annotations

from pathlib import Path

from django.http import HttpRequest, HttpResponse

_SCRIPT = Path(__file__).parents[1] / "static" / "dashboards" / "js" / "inbox" / "notification_worker.js"


def notification_worker(request: HttpRequest) -> HttpResponse:
    """The script, served from the root because a service worker controls only pages below its own address."""
    return HttpResponse(_SCRIPT.read_bytes(), content_type="text/javascript")
