from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from dashboards.models import Dashboard
from devices import access
from devices.access import Action
from devices.queries import devices


@login_required
def dashboard(request: HttpRequest, id: int) -> HttpResponse:
    """A page of widgets; 404 for a missing and for a foreign one alike."""
    found = get_object_or_404(
        Dashboard.objects.select_related("space").prefetch_related("widgets__device"),
        id=id,
        space__in=access.spaces(request.user),
    )
    widgets = list(found.widgets.all())
    # A widget of a device that has moved to another space must not show it to this one's members.
    visible = [widget for widget in widgets if widget.device.space_id == found.space_id]
    context = {
        "dashboard": found,
        "widgets": visible,
        "page": {
            "id": found.id,
            "may_command": access.may(request.user, Action.COMMAND, found.space_id),
            "snapshots": devices.snapshots({widget.device_id: widget.device for widget in visible}.values()),
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
