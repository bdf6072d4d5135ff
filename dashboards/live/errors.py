"""Errors as clients see them: one table of close codes, one of error codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from devices.errors import RETRY, HubbubError


class CloseCode(IntEnum):
    """Why the hub closes a WebSocket."""

    TOO_LARGE = 1009
    RESTART = 1012
    BAD_FRAMES = 4400
    UNAUTHENTICATED = 4401
    NOT_FOUND = 4404
    TOO_SLOW = 4408
    TOO_MANY = 4429


@dataclass(frozen=True, slots=True)
class CloseAdvice:
    """`reconnect`: whether the same client may come back by itself, after a pause."""

    meaning: str
    reconnect: bool


CLOSE_CODES: dict[CloseCode, CloseAdvice] = {
    CloseCode.TOO_LARGE: CloseAdvice("a frame was larger than 64 KiB", reconnect=False),
    CloseCode.RESTART: CloseAdvice("the hub restarts, or cannot serve at the moment", reconnect=True),
    CloseCode.BAD_FRAMES: CloseAdvice("ten frames could not be read", reconnect=False),
    CloseCode.UNAUTHENTICATED: CloseAdvice("not signed in, or the login ended", reconnect=False),
    CloseCode.NOT_FOUND: CloseAdvice(
        "the room of the address does not exist, or the person may not read it", reconnect=False
    ),
    CloseCode.TOO_SLOW: CloseAdvice(
        "too slow: no ack or pong for 20 s, or too many frames wait to be read", reconnect=True
    ),
    CloseCode.TOO_MANY: CloseAdvice("too many requests, connections, or pings, pongs and acks", reconnect=True),
}

ERRORS: dict[str, bool] = {
    # Code -> whether the same request may succeed later without being changed. Beside the domain's, those of frames.
    **RETRY,
    "invalid_json": False,
    "unknown_type": False,
    "unknown_stream": False,
}

CLOSE_CODE_OF: dict[str, CloseCode] = {
    # Code of an `EntryRefused` -> how a WebSocket is closed; any other with `RESTART`.
    "unauthenticated": CloseCode.UNAUTHENTICATED,
    "not_found": CloseCode.NOT_FOUND,
    "too_many": CloseCode.TOO_MANY,
}

HTTP_STATUS_OF: dict[str, int] = {
    # Code of an `EntryRefused` -> the status of the answer to an HTTP request; any other is 503.
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "invalid": 422,
    "too_many": 429,
}


class EntryRefused(HubbubError):
    """The client may not come in, or may see nothing of what it came for."""

    def __init__(self, code: str, message: str, wait_s: int = 0) -> None:
        """`code` is a key of `ERRORS`; `wait_s`: after how long it makes sense to come back, where that is known."""
        super().__init__(message)
        self.code = code
        self.wait_s = wait_s


class UnknownStream(HubbubError):
    """The text before the colon does not name a kind of stream."""

    code = "unknown_stream"


def describe(code: str, message: str) -> dict[str, Any]:
    """An error as it stands in replies and in `error` pushes."""
    return {"code": code, "message": message, "retry": ERRORS[code]}
