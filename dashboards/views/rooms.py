"""Pages of rooms: the list with its search, a room, and what managers may change of one."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from dashboards import room_lists
from dashboards.views.connecting import base_url
from dashboards.views.refusals import as_pages
from devices import access
from devices.access import Action, Person
from devices.errors import HubbubError, Invalid, TooMany
from devices.models import Room
from devices.rooms import inbox, webhooks
from devices.rooms import rooms as rooms_rooms

_NUMBER = re.compile(r"[0-9]{1,18}")


@login_required
def rooms(request: HttpRequest) -> HttpResponse:
    """The rooms of one's spaces, beside what was said last; with `?q=`, beside the messages that hold the words."""
    words = request.GET.get("q", "").strip()
    try:
        found, more = room_lists.found(request.user, words, number(request, "before"))
    except TooMany as error:
        return HttpResponse(sentence(error), content_type="text/plain", status=429, headers={"Retry-After": "1"})
    groups = room_lists.by_space(request.user, words=words)
    context = {"groups": groups, "words": words, "found": found, "more": more}
    return render(request, "dashboards/rooms.html", context)


@login_required
@require_POST
def create_room(request: HttpRequest, slug: str) -> HttpResponse:
    """A new room of the space, for its managers."""
    with as_pages():
        space = access.space(request.user, slug, Action.MANAGE)
    name = request.POST.get("name", "")
    try:
        made = rooms_rooms.create(space, name)
    except Invalid as error:
        found, more = room_lists.found(request.user, "")
        refused = {"space": space, "name": name, "error": sentence(error)}
        context = {"groups": room_lists.by_space(request.user), "found": found, "more": more, "refused": refused}
        # 422: a refused form is no success to a program that looks at the status alone.
        return render(request, "dashboards/rooms.html", context, status=422)
    return redirect("room", made.pk)


@login_required
def room(request: HttpRequest, id: int) -> HttpResponse:
    """A room of a space; `?seq=` opens it at that message."""
    with as_pages():
        found = access.room(request.user, id)
    shown = described(request.user, found)
    if found.is_private:
        return redirect(room_lists.url_of(shown, number(request, "seq")))
    may_manage = access.may(request.user, Action.MANAGE, found.space_id or 0)
    context = {
        "groups": room_lists.by_space(request.user, current=found.pk),
        "room": found,
        "name": shown["name"],
        "may_manage": may_manage,
        "page": page_data(request, shown, manages=may_manage),
    }
    return render(request, "dashboards/room.html", context)


@login_required
def room_settings(request: HttpRequest, id: int) -> HttpResponse:
    """The room's name and its webhooks, for managers; a POST renames it."""
    with as_pages():
        found = access.room(request.user, id, Action.MANAGE)
    if request.method != "POST":
        return _settings(request, found)
    try:
        rooms_rooms.rename(found, request.POST.get("name", ""))
    except Invalid as error:
        return _settings(request, found, name_typed=request.POST.get("name", ""), name_error=sentence(error))
    return redirect("room", found.pk)


@login_required
@require_POST
@never_cache
@sensitive_variables("secret", "url", "line", "made")
def create_webhook(request: HttpRequest, id: int) -> HttpResponse:
    """A new webhook of the room and its address, shown once."""
    name = request.POST.get("name", "")
    with as_pages():
        found = access.room(request.user, id, Action.MANAGE)
    try:
        webhook, secret = webhooks.create_webhook(request.user, found.pk, name)
    except Invalid as error:
        return _settings(request, found, webhook_name=name, webhook_error=sentence(error))
    url = f"{base_url(request)}/api/v1/hooks/{secret}"
    line = f"curl -H 'Content-Type: application/json' -d '{{\"text\": \"Hello\"}}' {url}"
    made = {"webhook": webhook, "url": url, "curl": line}
    return _settings(request, found, made=made)


@login_required
@require_POST
def delete_webhook(request: HttpRequest, id: int, webhook: int) -> HttpResponse:
    with as_pages():
        webhooks.delete_webhook(request.user, id, webhook)
    return redirect("room_settings", id)


def described(person: Person, room: Room) -> dict[str, Any]:
    """The room as the HTTP API describes it."""
    return inbox.describe(person, inbox.listed(person).get(pk=room.pk))


def page_data(request: HttpRequest, room: dict[str, Any], *, manages: bool = False, closed: str = "") -> dict[str, Any]:
    """What js/pages/room.js is given."""
    return {
        "room": room,
        "person": {"username": request.user.get_username(), "manages": manages},
        "open_at": number(request, "seq"),
        "closed": closed,
    }


def number(request: HttpRequest, name: str) -> int | None:
    """The whole number that the query has under this name, if any."""
    text = request.GET.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else None


def sentence(error: HubbubError) -> str:
    return f"{error.message[:1].upper()}{error.message[1:]}."


def _settings(request: HttpRequest, room: Room, **more: Any) -> HttpResponse:
    context = {"room": room, "name": inbox.name(request.user, room), "webhooks": room.webhooks.all(), **more}
    is_refused = "name_error" in more or "webhook_error" in more
    return render(request, "dashboards/room_settings.html", context, status=422 if is_refused else 200)
