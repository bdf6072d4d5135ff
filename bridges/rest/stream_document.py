"""`GET /api/v1/stream` in the OpenAPI document. The live connection serves it (`dashboards.live`), not the API."""

from __future__ import annotations

from typing import Any

MAX_STREAMS, MAX_ROOMS = 200, 20

_PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _parameter(name: str, description: str, items: dict[str, Any], most: int) -> dict[str, Any]:
    schema = {"type": "array", "items": items, "maxItems": most}
    return {"name": name, "in": "query", "description": description, "schema": schema, "style": "form", "explode": True}


OPERATION: dict[str, Any] = {
    "operationId": "watch",
    "summary": "Watch",
    "tags": ["stream"],
    "description": "Server-Sent Events: the frames of the WebSocket, one way. The address names the streams, up to 200 "
    "of them; the first events are their snapshots. With `Last-Event-ID` a room goes on after its last message. The "
    "response does not end by itself.",
    "security": [{"BearerToken": []}, {"LoginCookie": []}],
    "parameters": [
        _parameter("device", "uid of a device", {"type": "string", "minLength": 1, "maxLength": 64}, MAX_STREAMS),
        _parameter("dashboard", "id of a dashboard", {"type": "integer", "minimum": 1}, MAX_STREAMS),
        _parameter("room", "id of a room", {"type": "integer", "minimum": 1}, MAX_ROOMS),
        _parameter(
            "after_seq",
            "of each `room`, in the same order, the message after which to begin",
            {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
            MAX_ROOMS,
        ),
        {
            "name": "inbox",
            "in": "query",
            "description": "1: your unread messages and conversations too",
            "schema": {"type": "integer", "enum": [0, 1]},
        },
    ],
    "responses": {
        "200": {"description": "The events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **{
            str(status): {"description": description, "content": _PROBLEM}
            for status, description in {
                401: "Unauthorized",
                403: "A page of another site",
                404: "Not Found",
                422: "Unprocessable Content",
                429: "Too Many Requests",
                503: "Service Unavailable",
            }.items()
        },
    },
}
