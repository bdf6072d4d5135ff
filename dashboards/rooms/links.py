"""Links to rooms."""

from __future__ import annotations

from typing import Any

from django.urls import reverse


def room_url(room: dict[str, Any], seq: int | None = None) -> str:
    """The page of a room as `devices.rooms.inbox` describes it, opened at the message `seq` if that is given."""
    url = reverse("conversation", args=[room["with"]]) if "with" in room else reverse("room", args=[room["id"]])
    return url if seq is None else f"{url}?seq={seq}"
