"""Pages of sources: those of a space, and one with the devices that were found there."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from dashboards.views.error_pages import errors_as_pages
from dashboards.views.published_addresses import broker_address
from dashboards.views.signed_in import signed_in
from devices import access
from devices.access import Action
from devices.errors import NotFound
from devices.models import Source, Space
from devices.registry import brokers
from devices.registry.sources import descriptions


@signed_in
def sources(request: HttpRequest) -> HttpResponse:
    """The sources of the first space that the person manages; its page leads to the others."""
    with errors_as_pages():
        space = _managed(request).first()
        if space is None:
            raise NotFound("you manage no space")
    return redirect("space_sources", space.slug)


@signed_in
def space_sources(request: HttpRequest, slug: str) -> HttpResponse:
    """The sources of a space with forms for more, for its managers."""
    with errors_as_pages():
        space = access.space(request.user, slug, Action.MANAGE)
    listed = space.sources.annotate(
        found_count=Count("found", filter=Q(found__ignored=False), distinct=True),
        device_count=Count("addresses", distinct=True),
    )
    context = {
        "space": space,
        "spaces": list(_managed(request)),
        "sources": [(source, descriptions.of(source.convention)) for source in listed],
        "own_brokers": brokers.names(),
        "outside_brokers": list(access.outside_brokers(request.user, space.pk)),
        "page": {"space": space.slug},
    }
    return render(request, "dashboards/space_sources.html", context)


@signed_in
def source(request: HttpRequest, id: int) -> HttpResponse:
    """One source, for managers of its space."""
    with errors_as_pages():
        found: Source = access.source(request.user, id)
    own = found.broker in brokers.names()
    context = {
        "source": found,
        "description": descriptions.of(found.convention),
        "own": own,
        "acl_kinds": [("mosquitto", "Mosquitto"), ("emqx", "EMQX"), ("nats", "NATS")],
        "broker": broker_address(request),
        "addresses": found.addresses.select_related("device").order_by("device__name", "device__uid"),
        "page": {"id": found.pk, "own": own, "space": found.space.slug},
    }
    return render(request, "dashboards/source.html", context)


def found_at(person: access.Person) -> list[tuple[Source, int]]:
    """The sources at which devices wait to be added by the person, with their number."""
    counted = access.sources(person).annotate(found_count=Count("found", filter=Q(found__ignored=False)))
    return [(each, each.found_count) for each in counted.filter(found_count__gt=0)]


def _managed(request: HttpRequest) -> QuerySet[Space]:
    return access.spaces(request.user, Action.MANAGE).order_by("name", "slug")
