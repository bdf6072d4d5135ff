"""The page on which a mapping is described, with a broker's messages and what would be stored of them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboards.views.error_pages import errors_as_pages
from dashboards.views.signed_in import signed_in
from devices import access
from devices.access import Action


@signed_in
def new_mapping(request: HttpRequest, slug: str) -> HttpResponse:
    """For managers. The rest happens over the HTTP API."""
    with errors_as_pages():
        space = access.space(request.user, slug, Action.MANAGE)
    context = {
        "space": space,
        "brokers": access.broker_names(request.user, space.pk),
        "page": {"space": space.slug},
    }
    return render(request, "dashboards/new_mapping.html", context)
