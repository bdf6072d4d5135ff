"""The service worker of notifications."""

from __future__ import annotations

from pathlib import Path

from django.http import HttpRequest, HttpResponse

_SCRIPT = Path(__file__).parents[1] / "static" / "dashboards" / "js" / "inbox" / "notification_worker.js"


def notification_worker(request: HttpRequest) -> HttpResponse:
    """The script, at an address of its own: a worker serves the pages below its address alone, and all are to be."""
    return HttpResponse(_SCRIPT.read_bytes(), content_type="text/javascript")
