"""Files of rooms: in with a message, out to who may read the room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from ninja import Router, Status

from bridges.rest.auth import asking
from bridges.rest.errors import Problem
from bridges.rest.room_schemas import Posted
from bridges.rest.streaming import begun
from devices import access
from devices.access import Person
from devices.errors import Invalid
from devices.log import files
from devices.models import Attachment
from devices.rooms import files as rooms_files
from devices.rooms.files import Upload
from devices.runtime import database, file_storage
from devices.runtime.concurrency import Slots

router = Router(tags=["files"])

MAX_UPLOADS = 4
"""Requests that store; each takes a thread of the database meanwhile."""
MAX_DOWNLOADS = 200
PART = 64 * 1024
"""Bytes that a download holds in memory while its client takes the part before."""

uploads = Slots("uploads", MAX_UPLOADS)
downloads = Slots("downloads", MAX_DOWNLOADS)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One file of up to `FILE_LIMIT` MiB, with a text if you like; `key` as of a message.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "text": {"type": "string"},
                        "key": {"type": "string"},
                    },
                }
            }
        },
    }
}
_FILE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "The file. Images as what they are, anything else as a download.",
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "It is what `If-None-Match` names."},
    }
}
# What somebody sends runs nowhere, whatever a browser takes it for.
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",  # kept by the browser, and asked for again: a right may end
}


@router.post(
    "/{int:id}/files",
    response={201: Posted, (400, 401, 403, 404, 413, 422, 429, 503): Problem},
    openapi_extra=_BODY,
)
async def post_file(request: HttpRequest, id: int) -> Status[dict[str, int]]:
    """Says something that comes with a file. With the same `key` again it is the same message."""
    person = asking(request)
    with uploads:
        upload, text, key = await asyncio.to_thread(_form, request)
        return Status(201, {"seq": await rooms_files.post(person, id, upload, text, key)})


@router.get("/{int:id}/files/{int:file}/{name}", response={(401, 404, 429, 503): Problem}, openapi_extra=_FILE)
async def show_file(request: HttpRequest, id: int, file: int, name: str) -> HttpResponseBase:
    """A file that came with a message of the room."""
    found = await database.run(_find, asking(request), id, file, name)
    etag = f'"{found.pk}"'  # what an id stands for never changes
    headers = {**_HARMLESS, "ETag": etag}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    shown = found.width is not None
    return StreamingHttpResponse(
        await begun(_content(found)),
        content_type=found.type if shown else "application/octet-stream",
        headers={
            **headers,
            "Content-Length": str(found.size),
            "Content-Disposition": content_disposition_header(not shown, found.name) or "inline",
        },
    )


def _form(request: HttpRequest) -> tuple[Upload, str, str | None]:
    """Reads the form, which goes to the disk and back. Raises `Invalid`."""
    if not request.META.get("CONTENT_LENGTH"):  # Django takes such a form for an empty one
        raise Invalid("a form that comes in chunks is not read: send its Content-Length")
    sent = [file for field in request.FILES for file in request.FILES.getlist(field)]
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile) or len(sent) != 1:
        raise Invalid("one file is wanted, with a name, in the field file of a multipart/form-data body")
    assert file.file is not None  # noqa: S101
    return Upload(file.name or "", file.size or 0, file.file), request.POST.get("text", ""), request.POST.get("key")


def _find(person: Person, id: int, file: int, name: str) -> Attachment:
    return files.of_room(access.room(person, id), file, name)


async def _content(attachment: Attachment) -> AsyncIterator[bytes]:
    """Raises `TooMany`, `NotFound` or `Unavailable` at once; what it raises later must break the answer off."""
    with downloads, await asyncio.to_thread(file_storage.read, attachment.file.name or "") as file:
        while part := await asyncio.to_thread(file.read, PART):
            yield part
