"""What a client is told when something fails: one table of close codes, one of error codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from devices.errors import RETRY, HubbubError


class CloseCode(IntEnum):
    """Why the hub closes a socket."""

    TOO_LARGE = 1009
    RESTART = 1012
    BAD_FRAMES = 4400
    UNAUTHENTICATED = 4401
    NOT_FOUND = 4404
    TOO_SLOW = 4408
    TOO_MANY = 4429


@dataclass(frozen=True, slots=True)
class Advice:
    """`reconnect`: whether the same client may come back by itself, after a pause."""

    meaning: str
    reconnect: bool


CLOSE_CODES: dict[CloseCode, Advice] = {
    CloseCode.TOO_LARGE: Advice("a frame was larger than 64 KiB", reconnect=False),
    CloseCode.RESTART: Advice("the hub restarts, or cannot serve at the moment", reconnect=True),
    CloseCode.BAD_FRAMES: Advice("ten frames could not be read", reconnect=False),
    CloseCode.UNAUTHENTICATED: Advice("not signed in, or the login ended", reconnect=False),
    CloseCode.NOT_FOUND: Advice("the room of the address is missing, or not the person's to read", reconnect=False),
    CloseCode.TOO_SLOW: Advice("too slow: no ack or pong for 20 s, or too much waits to be read", reconnect=True),
    CloseCode.TOO_MANY: Advice("too many requests or connections", reconnect=True),
}

ERRORS: dict[str, bool] = {
    # Code -> whether the same request may succeed later without being changed. Beside the domain's, those of frames.
    **RETRY,
    "invalid_json": False,
    "unknown_type": False,
    "unknown_stream": False,
}


class UnknownStream(HubbubError):
    """The text before the colon is no kind of stream."""

    code = "unknown_stream"


def describe(code: str, message: str) -> dict[str, Any]:
    """An error as it stands in replies and in `error` pushes."""
    return {"code": code, "message": message, "retry": ERRORS[code]}
