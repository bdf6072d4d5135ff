from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from dashboards.views.published_addresses import broker_address
from dashboards.views.signed_in import signed_in
from dashboards.views.sources import found_at
from devices import access
from devices.access import Action
from devices.refusals import unstored
from devices.telemetry import snapshots

FIRST_VALUES = 60
"""Cards whose values are part of the page; the others load theirs when they are scrolled into view."""


@signed_in
def fleet(request: HttpRequest) -> HttpResponse:
    """All devices that the person may watch, by space."""
    devices = list(access.devices(request.user).select_related("space").order_by("space__name", "name", "uid"))
    spaces = list(access.spaces(request.user))
    context = {
        "groups": [(space, [device for device in devices if device.space_id == space.id]) for space in spaces],
        "devices": devices,
        "spaces": spaces,
        "found_at": found_at(request.user),
        "may_add": access.spaces(request.user, Action.MANAGE).exists(),
        "snapshots": snapshots.of_devices(devices[:FIRST_VALUES]),
        "unstored": unstored.of_devices(device.uid for device in devices),
        "broker": broker_address(request),
    }
    return render(request, "dashboards/fleet.html", context)


@signed_in
def fleet_status(request: HttpRequest) -> JsonResponse:
    """`{"devices": {uid: [availability, MS or 0]}, "unstored": {uid: …}}` of all devices that the person may watch.

    The fleet's page asks for it to update cards that are off the screen and to find new devices.
    """
    rows = access.devices(request.user).values_list("uid", "availability", "availability_at")
    devices = {uid: [availability, at // 1000] for uid, availability, at in rows}
    return JsonResponse({"devices": devices, "unstored": unstored.of_devices(devices)})
