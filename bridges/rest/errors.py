"""Errors of the HTTP API: one shape, one table of codes."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import BaseModel

from bridges.rest.request_body import MAX_FAULTS
from devices.errors import RETRY, HubbubError, Refusal
from devices.runtime import stats
from devices.runtime.database import UNAVAILABLE_ERRORS
from devices.runtime.file_storage import is_full

logger = logging.getLogger("hubbub.rest")

MAX_PLACE = 64
"""Characters of a field's name in an error: an unknown field may have any name."""

_STATUS: dict[str, int] = {
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "invalid": 422,
    "too_many": 429,
    "internal": 500,
    "unavailable": 503,
}
_RETRY = {**RETRY, "method_not_allowed": False}

# A payload that no parser can read is 400, one that is too large or too frequent has its own status, others are 422.
_REFUSED: dict[str, int] = {
    "payload_too_large": 413,
    "rate_limited": 429,
    "not_storable": 422,
    "empty_payload": 400,
    "invalid_utf8": 400,
    "invalid_encoding": 400,
    "invalid_json": 400,
    "invalid_gzip": 400,
    "unknown_encoding": 415,
}


class ProblemFacts(BaseModel):
    """`code` is stable, `message` is for people, `retry` is true if the same request may succeed later."""

    code: str
    message: str
    retry: bool
    reason: str | None = None


class Problem(BaseModel):
    """Every response with a status of 400 or above. `reason` is present if telemetry was `refused`."""

    error: ProblemFacts


class TooManyFailures(HubbubError):
    """Too many wrong secrets came from this address; the next one may be checked after `wait_s` seconds."""

    code = "too_many"

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many wrong secrets came from this address")
        self.wait_s = math.ceil(wait_s)


def problem(code: str, message: str, status: int | None = None) -> HttpResponse:
    """The response for `code`, with `status` instead of the one in the table if it is given."""
    return _respond(status or _STATUS[code], {"code": code, "message": message, "retry": _RETRY[code]})


def no_space() -> HttpResponse:
    """The response if the disk is full."""
    return problem("unavailable", "the disk of the hub is full")


def refused(refusal: Refusal) -> HttpResponse:
    """The response for refused telemetry, with the name of the reason."""
    status = _REFUSED.get(refusal.reason, 422)
    facts = {
        "code": "refused",
        "message": refusal.message,
        "retry": status == 429,
        "reason": refusal.reason,
    }
    response = _respond(status, facts)
    if status == 429:
        response["Retry-After"] = "1"
    return response


def _respond(status: int, facts: dict[str, Any]) -> HttpResponse:
    stats.errors.labels("http", facts["code"]).inc()
    return JsonResponse({"error": facts}, status=status)


def install(api: NinjaAPI) -> None:
    """Turns every exception of an endpoint into a response of the one shape."""
    handlers: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        HubbubError: _known,
        AuthenticationError: _unauthenticated,
        ValidationError: _invalid,
        HttpError: _unreadable,
        RequestDataTooBig: lambda request, error: problem("too_large", "the body is too large"),
        TooManyFieldsSent: lambda request, error: problem("invalid", "too many fields or parameters", 400),
        TooManyFilesSent: lambda request, error: problem("invalid", "too many files", 400),
        MultiPartParserError: lambda request, error: problem("invalid", "the body is not multipart/form-data", 400),
        OSError: _write_failed,
        Http404: lambda request, error: problem("not_found", "there is nothing here"),
        **dict.fromkeys(UNAVAILABLE_ERRORS, _database_unavailable),
        Exception: _unforeseen,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _known(request: HttpRequest, error: Any) -> HttpResponse:
    if isinstance(error, Refusal):
        return refused(error)
    response = problem(error.code, error.message)
    if error.code == "too_many":
        response["Retry-After"] = str(error.wait_s if isinstance(error, TooManyFailures) else 1)
    return response


def _is_for_devices(path: str) -> bool:
    return path.endswith("/telemetry") or path.startswith("/api/v1/gateways/")


def _unauthenticated(request: HttpRequest, error: Any) -> HttpResponse:
    response = problem("unauthenticated", "this needs a login, an API token or a device's credentials")
    # Basic only where devices send: offered to a page, it makes the browser open a password dialog of its own.
    response["WWW-Authenticate"] = 'Basic realm="device"' if _is_for_devices(request.path) else "Bearer"
    return response


def _invalid(request: HttpRequest, error: Any) -> HttpResponse:
    """Names each invalid field without its value, which may be a secret in the wrong place."""
    faults = [f"{_place(fault['loc'])}: {fault['msg']}" for fault in error.errors[:MAX_FAULTS]]
    more = ["and more"] if len(error.errors) > MAX_FAULTS else []
    return problem("invalid", "; ".join([*faults, *more]))


def _place(loc: tuple[str | int, ...]) -> str:
    """`("query", "points")` is points, `("body", <name of our parameter>, "args")` is args."""
    return ".".join(str(part)[:MAX_PLACE] for part in loc[2 if loc[0] == "body" else 1 :]) or "the body"


def _unreadable(request: HttpRequest, error: Any) -> HttpResponse:
    cause = error.__cause__  # ninja takes whatever the parser raises for a body that is not JSON
    if isinstance(cause, HubbubError):
        return _known(request, cause)
    return problem("invalid", "the body is not JSON of the documented shape", status=error.status_code)


def _write_failed(request: HttpRequest, error: Any) -> HttpResponse:
    return no_space() if is_full(error) else _unforeseen(request, error)


def _database_unavailable(request: HttpRequest, error: Any) -> HttpResponse:
    logger.warning("the database is unavailable: %s", type(error).__name__)
    return problem("unavailable", "the database is unavailable")


def _unforeseen(request: HttpRequest, error: Any) -> HttpResponse:
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem("internal", "the hub failed; its log has the reason")
