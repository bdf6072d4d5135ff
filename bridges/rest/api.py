"""The HTTP API below `/api/v1/`, assembled."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.openapi.docs import Swagger
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.renderers import BaseRenderer

from bridges.rest import (
    commands,
    csv_files,
    devices,
    errors,
    files,
    ingest,
    messages,
    people,
    refusals,
    retention,
    rooms,
    webhooks,
)
from bridges.rest.auth import PEOPLE

_DESCRIPTION = """Devices, their readings, commands to them, telemetry from them, and the rooms beside them.

People come with the cookie of their login, or with `Authorization: Bearer TOKEN` (`manage.py createtoken`);
devices with HTTP Basic, their uid and secret. What belongs to a space that you are no member of answers like what
does not exist. Every error is `{"error": {"code", "message", "retry"}}`."""


class _Parser(Parser):
    """Strict JSON: the standard library's parser takes NaN, which no database and no device would."""

    def parse_body(self, request: HttpRequest) -> Any:
        return msgspec.json.decode(request.body)


class _Renderer(BaseRenderer):
    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return msgspec.json.encode(data)


class _Api(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        """`list_devices`: what a generated client calls its methods by, whatever module ours live in."""
        return operation.view_func.__name__


api = _Api(
    title="Hubbub",
    version="1",
    description=_DESCRIPTION,
    urls_namespace="api",
    auth=PEOPLE,
    parser=_Parser(),
    renderer=_Renderer(),
    # The assets ship with ninja; without this the page would ask a validator on the Internet about the document.
    docs=Swagger(settings={"validatorUrl": None}),
)
errors.install(api)
for router in (
    devices.router,
    csv_files.router,
    retention.devices_router,
    commands.router,
    refusals.router,
    ingest.router,
):
    api.add_router("devices", router)
for router in (retention.spaces_router, rooms.spaces_router):
    api.add_router("spaces", router)
for router in (rooms.router, messages.router, files.router, webhooks.router):
    api.add_router("rooms", router)
api.add_router("search", messages.search_router)
api.add_router("people", people.router)
api.add_router("inbox", people.inbox_router)
api.add_router("hooks", webhooks.hooks_router)
