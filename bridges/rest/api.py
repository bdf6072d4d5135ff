"""The HTTP API below `/api/v1/`: the routers of all subjects in one document."""

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
    availability,
    brokers,
    commands,
    conventions,
    decoders,
    device_metrics,
    devices,
    errors,
    files,
    found_devices,
    gateways,
    messages,
    people,
    readings,
    readings_csv,
    refusals,
    retention,
    rooms,
    source_logins,
    source_trials,
    sources,
    stream_document,
    telemetry,
    webhooks,
)
from bridges.rest.auth import PEOPLE
from bridges.rest.request_body import most_json_bytes
from devices.errors import TooLarge

_DESCRIPTION = """Devices, their readings, commands to them, telemetry from them, and the rooms beside them.

People authenticate with the cookie of their login, or with `Authorization: Bearer TOKEN` (`manage.py createtoken`);
devices with HTTP Basic, their uid and secret. Anything in a space that you are not a member of answers like something
that does not exist. Times are milliseconds since 1970 UTC. Every error is `{"error": {"code", "message", "retry"}}`."""


class _Parser(Parser):
    """Strict JSON: the standard library's parser accepts NaN, which neither databases nor devices do."""

    def parse_body(self, request: HttpRequest) -> Any:
        most = most_json_bytes(request.path)
        if len(request.body) > most:
            raise TooLarge(f"a JSON body has up to {most // 1024} KiB")
        return msgspec.json.decode(request.body)


class _Renderer(BaseRenderer):
    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return msgspec.json.encode(data)


class _Api(NinjaAPI):
    def get_openapi_schema(self, **options: Any) -> Any:
        """The document, with the one path below `/api/v1/` that is not ninja's."""
        document = super().get_openapi_schema(**options)
        document["paths"]["/api/v1/stream"] = {"get": stream_document.OPERATION}
        return document

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Such as `list_devices`, the name of the method in generated clients, without the name of our module."""
        return operation.view_func.__name__


api = _Api(
    title="Hubbub",
    version="1",
    description=_DESCRIPTION,
    urls_namespace="api",
    auth=PEOPLE,
    parser=_Parser(),
    renderer=_Renderer(),
    # Without this the page would send the document to a validator on the Internet. Its assets ship with ninja.
    docs=Swagger(settings={"validatorUrl": None}),
)
errors.install(api)
for router in (
    devices.router,
    device_metrics.router,
    availability.router,
    readings.router,
    readings_csv.router,
    retention.devices_router,
    commands.router,
    refusals.router,
    telemetry.router,
):
    api.add_router("devices", router)
for router in (retention.spaces_router, rooms.spaces_router):
    api.add_router("spaces", router)
for router in (rooms.router, messages.router, files.router, webhooks.router):
    api.add_router("rooms", router)
for router in (source_trials.router, sources.router, found_devices.router, source_logins.router):
    api.add_router("sources", router)
api.add_router("gateways", gateways.router)
api.add_router("brokers", brokers.router)
api.add_router("conventions", conventions.router)
api.add_router("decoders", decoders.router)
api.add_router("search", messages.search_router)
api.add_router("people", people.router)
api.add_router("inbox", people.inbox_router)
api.add_router("hooks", webhooks.hooks_router)
