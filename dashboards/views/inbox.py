"""Pages of private messages: the inbox and a conversation."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from dashboards.views.error_pages import errors_as_pages, sentence
from dashboards.views.room_page import described, page_data
from dashboards.views.signed_in import signed_in
from devices import access
from devices.access import Person
from devices.errors import Forbidden
from devices.models import Room
from devices.rooms import blocks, posting
from devices.rooms import inbox as room_inbox
from devices.values import is_storable


@signed_in
def inbox(request: HttpRequest) -> HttpResponse:
    """The conversations, newest first, and the people to start one with."""
    context = {"conversations": room_inbox.conversations(request.user), "people": room_inbox.people(request.user)}
    return render(request, "dashboards/inbox.html", context)


@signed_in
def conversation(request: HttpRequest, username: str) -> HttpResponse:
    """The conversation with a person, which is created if there is none. A POST with `block` ("1" or "0") blocks or
    unblocks them.

    404 whether the person does not exist or shares no space, unless the two have a conversation.
    """
    if request.method == "POST":
        return _block(request, username)
    room = _conversation(request.user, username)
    people = room_inbox.people(request.user)
    known = next((one for one in people if one["username"] == username), None)
    has_blocked = known is not None and known["blocked"]
    context = {
        "conversations": room_inbox.conversations(request.user),
        "people": people,
        "username": username,
        "room": room,
        "is_bot": known is not None and known["bot"],
        "has_blocked": has_blocked,
        "may_block": known is not None and not has_blocked,
        "page": page_data(request, described(request.user, room), closed=_closed(request.user, room, has_blocked)),
    }
    return render(request, "dashboards/conversation.html", context)


def _conversation(person: Person, username: str) -> Room:
    """An existing conversation stays readable even if the two no longer share a space."""
    if is_storable(username):
        between = Q(first=person.pk, second__username=username) | Q(second=person.pk, first__username=username)
        known = access.rooms(person).filter(between, space=None).first()
        if known is not None:
            return known
    with errors_as_pages():
        return access.room(person, posting.conversation(person, username))


def _closed(person: Person, room: Room, has_blocked: bool) -> str:
    """The reason why the person cannot write in the room; empty if they can."""
    if has_blocked:
        return "You have blocked this person. Unblock them to write to each other again."
    try:
        access.room_to_talk_in(person, room.pk)
    except Forbidden as error:
        return sentence(error)
    return ""


def _block(request: HttpRequest, username: str) -> HttpResponse:
    change = blocks.block if request.POST.get("block") == "1" else blocks.unblock
    with errors_as_pages():
        change(request.user, username)
    return redirect("conversation", username)
