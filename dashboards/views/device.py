from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dashboards.views import decoders
from dashboards.views.error_pages import errors_as_pages
from dashboards.views.published_addresses import base_url, broker_address
from dashboards.views.query_strings import whole_number
from dashboards.views.signed_in import signed_in
from devices import access
from devices.access import Action
from devices.availability import history, silence
from devices.commands import lookup
from devices.models import Device
from devices.refusals import store, unstored
from devices.registry import devices, metrics
from devices.registry.sources import descriptions
from devices.telemetry import snapshots
from devices.values import now_us

DAY_US = 86_400_000_000
"""History of availability that is part of the page."""


@signed_in
def device(request: HttpRequest, uid: str) -> HttpResponse:
    """One device: charts, newest values, controls, recent commands and refused messages."""
    with errors_as_pages():
        found = access.device(request.user, uid)
    may_command = access.may(request.user, Action.COMMAND, found.space_id)
    may_manage = access.may(request.user, Action.MANAGE, found.space_id)
    now = now_us()
    snapshot = snapshots.of_devices([found])[found.uid]
    context = {
        "device": found,
        "may_command": may_command,
        "may_manage": may_manage,
        "decoders": decoders.choices(found.space) if may_manage else [],
        "addresses": [
            (each, descriptions.of(each.convention).title) for each in found.addresses.select_related("source")
        ],
        "many_spaces": access.spaces(request.user).count() > 1,
        "page": {
            "uid": found.uid,
            "snapshot": snapshot,
            "commands": lookup.recent(found),
            "refusals": store.recent(found),
            "unstored": unstored.of_device(found),
            "metrics": metrics.facts(found),
            "may_manage": may_manage,
            "availability": history.history(found, now - DAY_US, now, now),
            "silence": {
                "stale_after_s": found.stale_after_s,
                "silence_limit_s": silence.silence_limit_us(found) // 1_000_000,
            },
            "answers": found.answers,
            "clock": found.clock,
            "time_zone": found.time_zone,
            "may_command": may_command,
            "room": {"id": found.room.pk, "device": found.uid, "space": found.space.slug},
            "person": {"username": request.user.get_username(), "manages": may_manage},
            "open_at": whole_number(request, "seq"),
        },
    }
    return render(request, "dashboards/device.html", context)


@signed_in
@require_POST
@never_cache
def rotate_secret(request: HttpRequest, uid: str) -> HttpResponse:
    """Replaces the device's secret and shows the new one, once."""
    with errors_as_pages():
        found = access.device(request.user, uid, Action.MANAGE)
    return show_secret(request, found, devices.rotate_secret(found), rotated=True)


def show_secret(request: HttpRequest, device: Device, secret: str, *, rotated: bool) -> HttpResponse:
    """The page with the secret and lines to paste. The caller must be marked `never_cache`."""
    context = {
        "device": device,
        "secret": secret,
        "rotated": rotated,
        "broker": broker_address(request, device.broker),
        "base_url": base_url(request),
        "page": {"uid": device.uid},
    }
    return render(request, "dashboards/credentials.html", context)
