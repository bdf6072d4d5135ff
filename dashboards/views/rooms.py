"""Pages of rooms: the list with its search, a room, and its settings for managers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from dashboards.rooms import lists
from dashboards.rooms.links import room_url
from dashboards.rooms.search import search
from dashboards.views.error_pages import errors_as_pages, sentence
from dashboards.views.published_addresses import base_url
from dashboards.views.query_strings import whole_number
from dashboards.views.room_page import described, page_data
from dashboards.views.signed_in import signed_in
from devices import access
from devices.access import Action
from devices.errors import Invalid, TooMany
from devices.models import Room
from devices.rooms import inbox, webhooks
from devices.rooms import rooms as space_rooms


@signed_in
def rooms(request: HttpRequest) -> HttpResponse:
    """The rooms of one's spaces beside the newest messages, or with `?q=` beside the messages found."""
    words = request.GET.get("q", "").strip()
    try:
        found, more = search(request.user, words, whole_number(request, "before"))
    except TooMany as error:
        return HttpResponse(sentence(error), content_type="text/plain", status=429, headers={"Retry-After": "1"})
    groups = lists.by_space(request.user, words=words)
    context = {"groups": groups, "words": words, "found": found, "more": more}
    return render(request, "dashboards/rooms.html", context)


@signed_in
@require_POST
def create_room(request: HttpRequest, slug: str) -> HttpResponse:
    """Creates a room of the space, for its managers."""
    with errors_as_pages():
        space = access.space(request.user, slug, Action.MANAGE)
    name = request.POST.get("name", "")
    try:
        made = space_rooms.create(space, name)
    except Invalid as error:
        found, more = search(request.user, "")
        refused = {"space": space, "name": name, "error": sentence(error)}
        context = {"groups": lists.by_space(request.user), "found": found, "more": more, "refused": refused}
        # 422: a program that only looks at the status must not take a refused form for a success.
        return render(request, "dashboards/rooms.html", context, status=422)
    return redirect("room", made.pk)


@signed_in
def room(request: HttpRequest, id: int) -> HttpResponse:
    """A room of a space; `?seq=` opens it at that message."""
    with errors_as_pages():
        found = access.room(request.user, id)
    shown = described(request.user, found)
    if found.is_private:
        return redirect(room_url(shown, whole_number(request, "seq")))
    may_manage = access.may(request.user, Action.MANAGE, found.space_id or 0)
    context = {
        "groups": lists.by_space(request.user, current=found.pk),
        "room": found,
        "name": shown["name"],
        "may_manage": may_manage,
        "page": page_data(request, shown, manages=may_manage),
    }
    return render(request, "dashboards/room.html", context)


@signed_in
def room_settings(request: HttpRequest, id: int) -> HttpResponse:
    """The name and the webhooks of a room, for managers; a POST renames it."""
    with errors_as_pages():
        found = access.room(request.user, id, Action.MANAGE)
    if request.method != "POST":
        return _settings(request, found)
    try:
        space_rooms.rename(found, request.POST.get("name", ""))
    except Invalid as error:
        return _settings(request, found, name_typed=request.POST.get("name", ""), name_error=sentence(error))
    return redirect("room", found.pk)


@signed_in
@require_POST
@never_cache
@sensitive_variables("secret", "url", "line", "made")
def create_webhook(request: HttpRequest, id: int) -> HttpResponse:
    """Creates a webhook of the room and shows its address, once."""
    name = request.POST.get("name", "")
    with errors_as_pages():
        found = access.room(request.user, id, Action.MANAGE)
    try:
        webhook, secret = webhooks.create_webhook(request.user, found.pk, name)
    except Invalid as error:
        return _settings(request, found, webhook_name=name, webhook_error=sentence(error))
    url = f"{base_url(request)}/api/v1/hooks/{secret}"
    line = f"curl -H 'Content-Type: application/json' -d '{{\"text\": \"Hello\"}}' {url}"
    made = {"webhook": webhook, "url": url, "curl": line}
    return _settings(request, found, made=made)


@signed_in
@require_POST
def delete_webhook(request: HttpRequest, id: int, webhook: int) -> HttpResponse:
    """Deletes a webhook of the room, for managers."""
    with errors_as_pages():
        webhooks.delete_webhook(request.user, id, webhook)
    return redirect("room_settings", id)


def _settings(request: HttpRequest, room: Room, **more: Any) -> HttpResponse:
    context = {"room": room, "name": inbox.name(request.user, room), "webhooks": room.webhooks.all(), **more}
    is_refused = "name_error" in more or "webhook_error" in more
    return render(request, "dashboards/room_settings.html", context, status=422 if is_refused else 200)
