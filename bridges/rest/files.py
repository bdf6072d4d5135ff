"""Files of rooms: uploaded with a message, served to those who may read the room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from ninja import Router, Status

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.messages import MessagePosted
from bridges.rest.streaming import started
from devices import access
from devices.access import Person
from devices.errors import Invalid
from devices.log import files
from devices.log.models import MAX_KEY
from devices.log.text import MAX_TEXT
from devices.models import Attachment
from devices.rooms import files as room_files
from devices.rooms.files import Upload
from devices.runtime import database, file_storage
from devices.runtime.concurrency import ConcurrencyLimit

router = Router(tags=["files"])

MAX_UPLOADS, MAX_UPLOADS_EACH = 4, 2
"""Uploads at once, of all people and of one; each occupies a database thread while it is stored."""
MAX_DOWNLOADS, MAX_DOWNLOADS_EACH = 200, 50
PART = 64 * 1024
"""Bytes that a download holds in memory while its client receives the part before."""

uploads = ConcurrencyLimit("uploads", MAX_UPLOADS, MAX_UPLOADS_EACH)
downloads = ConcurrencyLimit("downloads", MAX_DOWNLOADS, MAX_DOWNLOADS_EACH)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One file of up to `FILE_LIMIT` MiB, with an optional text; `key` as for a message.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "text": {"type": "string", "maxLength": MAX_TEXT},
                        "key": {"type": "string", "maxLength": MAX_KEY},
                    },
                }
            }
        },
    }
}
_FILE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "The file. Images are shown, anything else is a download.",
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "The client has it already: `If-None-Match` names it."},
    }
}
# A browser must never run an uploaded file, whatever it takes it for.
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",  # the browser must ask again each time, as access may have been withdrawn
}


@router.post(
    "/{int:id}/files",
    response={201: MessagePosted, (400, 401, 403, 404, 413, 422, 429, 503): Problem},
    openapi_extra=_BODY,
)
async def post_file(request: HttpRequest, id: int) -> Status[dict[str, int]]:
    """Posts a message with a file. A repeat with the same `key` is the same message."""
    person = person_of(request)
    with uploads.of(int(person.pk)):
        upload, text, key = await asyncio.to_thread(_form, request)
        return Status(201, {"seq": await room_files.post(person, id, upload, text, key)})


@router.get("/{int:id}/files/{int:file}/{name}", response={(401, 404, 429, 503): Problem}, openapi_extra=_FILE)
async def show_file(request: HttpRequest, id: int, file: int, name: str) -> HttpResponseBase:
    """A file of a message in the room."""
    found = await database.run(_find, person_of(request), id, file, name)
    etag = f'"{found.pk}"'  # the content under an id never changes
    headers = {**_HARMLESS, "ETag": etag}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    shown = found.width is not None
    return StreamingHttpResponse(
        await started(_content(found, int(person_of(request).pk))),
        content_type=found.type if shown else "application/octet-stream",
        headers={
            **headers,
            "Content-Length": str(found.size),
            "Content-Disposition": content_disposition_header(not shown, found.name) or "inline",
        },
    )


def _form(request: HttpRequest) -> tuple[Upload, str, str | None]:
    """Reads the form, which may go through the disk. Raises `Invalid`."""
    if not request.META.get("CONTENT_LENGTH"):  # Django would read such a form as an empty one
        raise Invalid("a form without a Content-Length cannot be read")
    sent = [file for field in request.FILES for file in request.FILES.getlist(field)]
    for field in ("text", "key"):
        if len(request.POST.getlist(field)) > 1:
            raise Invalid(f"{field}: given more than once")
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile) or len(sent) != 1:
        raise Invalid("the body must be multipart/form-data with one file, which has a name, in the field file")
    assert file.file is not None  # noqa: S101
    return Upload(file.name or "", file.size or 0, file.file), request.POST.get("text", ""), request.POST.get("key")


def _find(person: Person, id: int, file: int, name: str) -> Attachment:
    return files.of_room(access.room(person, id), file, name)


async def _content(attachment: Attachment, person_id: int) -> AsyncIterator[bytes]:
    """Raises `TooMany`, `NotFound` or `Unavailable` at once; any later exception must break off the response."""
    with downloads.of(person_id), await asyncio.to_thread(file_storage.read, attachment.file.name or "") as file:
        while part := await asyncio.to_thread(file.read, PART):
            yield part
