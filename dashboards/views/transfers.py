"""Pages that export and import a device's history as CSV files."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboards.views.error_pages import errors_as_pages
from dashboards.views.published_addresses import base_url
from dashboards.views.signed_in import signed_in
from devices import access
from devices.access import Action
from devices.telemetry.latest import latest_values
from devices.values import now_us


@signed_in
def export_history(request: HttpRequest, uid: str) -> HttpResponse:
    """A form with the progress of the export, and the same as a command line."""
    with errors_as_pages():
        found = access.device(request.user, uid)
    context = {
        "device": found,
        "metrics": sorted(latest_values([found.id]).get(found.id, {})),
        "base_url": base_url(request),
        "page": {"uid": found.uid, "now": now_us() // 1000},
    }
    return render(request, "dashboards/export.html", context)


@signed_in
def import_history(request: HttpRequest, uid: str) -> HttpResponse:
    """A form with the progress and the result of the import. For managers."""
    with errors_as_pages():
        found = access.device(request.user, uid, Action.MANAGE)
    context = {"device": found, "base_url": base_url(request), "page": {"uid": found.uid}}
    return render(request, "dashboards/import.html", context)
