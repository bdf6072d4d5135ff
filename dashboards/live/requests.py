"""Frames of clients as typed requests. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct

MAX_FRAME_BYTES = 64 * 1024
"""The largest frame that a client may send; past it the socket is closed with 1009."""

Id = Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[str, Meta(max_length=64)]
"""The client's own name for a request, given back in the reply."""


class Request(Struct, tag_field="type", kw_only=True):
    """Base of the requests; each names its `type` as `tag`. One without an `id` is answered only when it fails."""

    counted: ClassVar[bool] = True
    """Whether it counts against the person's rate; else it answers a frame of the hub (`rates.ControlRate`)."""

    id: Id | None = None


class BadFrame(Exception):
    """A frame that is not a request: `code` is a key of `errors.ERRORS`, `id` that of the request where readable."""

    def __init__(self, code: str, message: str, id: Id | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = id


class _Head(Struct):
    """The readable fields of a frame that is not a request."""

    type: Any = None
    id: Any = None


def is_too_large(text: str) -> bool:
    return len(text) > MAX_FRAME_BYTES or (not text.isascii() and len(text.encode()) > MAX_FRAME_BYTES)


def decoder(kinds: Iterable[type[Request]]) -> Callable[[str], Request]:
    """Returns a function that reads a frame as one of `kinds`, or raises `BadFrame`."""
    known = {str(kind.__struct_config__.tag): kind for kind in kinds}
    union: Any = None
    for kind in known.values():
        union = kind if union is None else union | kind
    requests = msgspec.json.Decoder(union)
    heads = msgspec.json.Decoder(_Head)

    def decode(text: str) -> Request:
        try:
            request: Request = requests.decode(text)
        except msgspec.ValidationError as error:
            raise explain(text, str(error)) from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadFrame("invalid_json", f"the frame is not JSON: {error}") from None
        return request

    def explain(text: str, error: str) -> BadFrame:
        try:
            head = heads.decode(text)
        except msgspec.ValidationError:
            return BadFrame("invalid", "a frame is one JSON object")
        id = _readable(head.id)
        if isinstance(head.type, str) and head.type not in known:
            return BadFrame("unknown_type", f"there is no request of the type {head.type[:64]!r}", id)
        return BadFrame("invalid", error, id)

    return decode


def _readable(id: Any) -> Id | None:
    try:
        return msgspec.convert(id, Id)
    except msgspec.ValidationError:
        return None
