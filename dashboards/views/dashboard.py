from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from dashboards.models import Dashboard
from dashboards.views.signed_in import signed_in
from dashboards.widgets import revision
from devices import access
from devices.access import Action
from devices.telemetry import snapshots


@signed_in
def dashboard(request: HttpRequest, id: int) -> HttpResponse:
    """A page of widgets; 404 whether the dashboard is missing or foreign."""
    found = get_object_or_404(
        Dashboard.objects.select_related("space"),
        id=id,
        space__in=access.spaces(request.user),
    )
    # Read before the widgets: a page with too old a revision is drawn again, one with too old widgets is not.
    shown = revision(found.pk)
    widgets = list(found.widgets.select_related("device"))
    # A widget must not show members of this space a device that has moved to another one.
    visible = [widget for widget in widgets if widget.device.space_id == found.space_id]
    context = {
        "dashboard": found,
        "widgets": visible,
        "page": {
            "id": found.id,
            "revision": shown,
            "may_command": access.may(request.user, Action.COMMAND, found.space_id),
            "snapshots": snapshots.of_devices({widget.device_id: widget.device for widget in visible}.values()),
            "widgets": [
                {
                    "id": widget.id,
                    "kind": widget.kind,
                    "device": widget.device.uid,
                    "title": widget.title,
                    "metrics": widget.metrics,
                    "options": widget.options,
                }
                for widget in visible
            ],
        },
    }
    return render(request, "dashboards/dashboard.html", context)
