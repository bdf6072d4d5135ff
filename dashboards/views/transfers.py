"""Pages that carry a device's history out of the hub and into it, as CSV files."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboards.views.connecting import base_url
from dashboards.views.refusals import as_pages
from devices import access
from devices.access import Action
from devices.telemetry import latest
from devices.values import now_us


@login_required
def export_history(request: HttpRequest, uid: str) -> HttpResponse:
    """What to export, its progress, and the same for a command line."""
    with as_pages():
        found = access.device(request.user, uid)
    context = {
        "device": found,
        "metrics": sorted(latest.latest([found.id]).get(found.id, {})),
        "base_url": base_url(request),
        "page": {"uid": found.uid, "now": now_us() // 1000},
    }
    return render(request, "dashboards/export.html", context)


@login_required
def import_history(request: HttpRequest, uid: str) -> HttpResponse:
    """A file to choose, its progress, and the account of what came of it. For managers."""
    with as_pages():
        found = access.device(request.user, uid, Action.MANAGE)
    context = {"device": found, "base_url": base_url(request), "page": {"uid": found.uid}}
    return render(request, "dashboards/import.html", context)
