from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from bridges.rest.api import api
from dashboards.live.consumers import event_stream_query
from tests.bridges.rest.conftest import caller
from tests.support.browser import chromium
from tests.support.hub import RunningHub


@pytest.fixture
async def document() -> Any:
    response = await caller("192.0.2.7").get("/api/v1/openapi.json")  # open to everybody
    assert response.status_code == 200
    return response.json()


async def test_it_is_made_once_and_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client = caller("192.0.2.7")
    first = await client.get("/api/v1/openapi.json")
    monkeypatch.setattr(api, "get_openapi_schema", None)
    assert (await client.get("/api/v1/openapi.json")).content == first.content
    again = await client.get("/api/v1/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_every_way_to_sign_in_is_described(document: Any) -> None:
    assert document["components"]["securitySchemes"] == {
        "BearerToken": {"type": "http", "scheme": "bearer"},
        "LoginCookie": {"type": "apiKey", "in": "cookie", "name": "hubbub_session"},
        "DeviceCredentials": {"type": "http", "scheme": "basic"},
    }


def test_every_operation_names_its_authentication_and_the_shape_of_its_errors(document: Any) -> None:
    operations = [(path, operation) for path, methods in document["paths"].items() for operation in methods.values()]
    assert operations
    for path, operation in operations:
        schemes = {name for scheme in operation.get("security", []) for name in scheme}
        is_for_devices = path.endswith("telemetry") or "/gateways/" in path
        failures = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        if path == "/api/v1/hooks/{secret}":  # the address itself is the secret
            assert schemes == set()
        else:
            assert schemes == ({"DeviceCredentials"} if is_for_devices else {"BearerToken", "LoginCookie"})
            assert "401" in failures
        assert "503" in failures
        for answer in failures.values():
            assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert operation["description"]


def test_the_paths_are_those_of_the_contract(document: Any) -> None:
    assert {path: sorted(methods) for path, methods in document["paths"].items()} == {
        "/api/v1/brokers": ["get", "post"],
        "/api/v1/brokers/test": ["post"],
        "/api/v1/brokers/{name}": ["delete"],
        "/api/v1/conventions": ["get"],
        "/api/v1/decoders": ["get", "post"],
        "/api/v1/decoders/{id}": ["delete", "get", "patch"],
        "/api/v1/decoders/{id}/try": ["post"],
        "/api/v1/sources": ["get", "post"],
        "/api/v1/sources/listen": ["post"],
        "/api/v1/sources/presets": ["get"],
        "/api/v1/sources/try": ["post"],
        "/api/v1/sources/{id}": ["delete", "get", "patch"],
        "/api/v1/sources/{id}/acl": ["get"],
        "/api/v1/sources/{id}/found": ["get"],
        "/api/v1/sources/{id}/found/adopt": ["post"],
        "/api/v1/sources/{id}/found/{key}/ignore": ["post"],
        "/api/v1/sources/{id}/logins": ["get", "post"],
        "/api/v1/sources/{id}/logins/{login}": ["delete"],
        "/api/v1/sources/{id}/found/{key}/adopt": ["post"],
        "/api/v1/devices": ["get"],
        "/api/v1/devices/{uid}": ["get", "patch"],
        "/api/v1/devices/{uid}/metrics": ["delete", "get", "patch"],
        "/api/v1/devices/{uid}/availability": ["get"],
        "/api/v1/devices/{uid}/readings": ["get"],
        "/api/v1/devices/{uid}/readings.csv": ["get", "post"],
        "/api/v1/devices/{uid}/readings/extent": ["get"],
        "/api/v1/devices/{uid}/retention": ["get", "patch"],
        "/api/v1/devices/{uid}/commands": ["get", "post"],
        "/api/v1/devices/{uid}/commands/{id}": ["get"],
        "/api/v1/devices/{uid}/refusals": ["get"],
        "/api/v1/devices/{uid}/telemetry": ["post"],
        "/api/v1/gateways/{uid}/telemetry": ["post"],
        "/api/v1/gateways/{uid}/{format}": ["post"],
        "/api/v1/spaces/{slug}/retention": ["get", "patch"],
        "/api/v1/spaces/{slug}/rooms": ["post"],
        "/api/v1/rooms": ["get"],
        "/api/v1/rooms/{id}": ["get", "patch"],
        "/api/v1/rooms/{id}/members": ["get"],
        "/api/v1/rooms/{id}/chat-commands": ["get"],
        "/api/v1/rooms/{id}/read": ["put"],
        "/api/v1/rooms/{id}/messages": ["get", "post"],
        "/api/v1/rooms/{id}/messages/{seq}": ["delete", "patch"],
        "/api/v1/rooms/{id}/messages/{seq}/revisions": ["get"],
        "/api/v1/rooms/{id}/search": ["get"],
        "/api/v1/rooms/{id}/files": ["post"],
        "/api/v1/rooms/{id}/files/{file}/{name}": ["get"],
        "/api/v1/rooms/{id}/webhooks": ["get", "post"],
        "/api/v1/rooms/{id}/webhooks/{webhook}": ["delete"],
        "/api/v1/search": ["get"],
        "/api/v1/inbox": ["get"],
        "/api/v1/people": ["get"],
        "/api/v1/people/{username}/messages": ["post"],
        "/api/v1/people/{username}/block": ["delete", "put"],
        "/api/v1/hooks/{secret}": ["post"],
        "/api/v1/stream": ["get"],
    }


def test_the_document_states_the_limits_of_fields(document: Any) -> None:
    schemas = document["components"]["schemas"]

    def limits(schema: str, name: str, *names: str) -> list[Any]:
        return [schemas[schema]["properties"][name].get(limit) for limit in names]

    for schema in ("NewMessage", "NewText"):
        assert limits(schema, "text", "minLength", "maxLength") == [1, 2_000]
    assert limits("NewMessage", "key", "maxLength") == [64]
    assert limits("RoomName", "name", "minLength", "maxLength") == [1, 120]
    assert limits("CommandRequest", "name", "minLength", "maxLength") == [1, 128]
    assert limits("CommandRequest", "timeout_s", "exclusiveMinimum", "maximum") == [0, 604_800]
    assert limits("WebhookName", "name", "minLength", "maxLength") == [1, 64]
    assert limits("DeviceChanges", "stale_after_s", "minimum", "maximum") == [5, 2_592_000]
    assert limits("SpaceRetention", "raw_days", "minimum", "maximum") == [0, 36_500]
    for schema in ("NewMessage", "NewText", "RoomName", "ReadUpTo", "CommandRequest", "WebhookName", "DeviceChanges"):
        assert schemas[schema]["additionalProperties"] is False


def test_the_limits_of_the_event_stream_are_those_of_the_live_connection(document: Any) -> None:
    parameters = {one["name"]: one["schema"] for one in document["paths"]["/api/v1/stream"]["get"]["parameters"]}
    most = {name: schema.get("maxItems") for name, schema in parameters.items()}
    streams, rooms = event_stream_query.MAX_STREAMS, event_stream_query.MAX_ROOMS
    assert most == {"device": streams, "dashboard": streams, "room": rooms, "after_seq": rooms, "inbox": None}


def test_every_reference_resolves(document: Any) -> None:
    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from ([part["$ref"]] if "$ref" in part else [])
            part = list(part.values())
        for inner in part if isinstance(part, list) else []:
            yield from references(inner)

    found = set(references(document))
    assert len(found) > 20
    for reference in found:
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


async def test_the_docs_use_no_validator_on_the_internet() -> None:
    """Swagger does by default, on any address but localhost."""
    assert '"validatorUrl": null' in (await caller().get("/api/v1/docs")).text


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    server = RunningHub(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def page(hub: RunningHub) -> Iterator[Page]:
    with chromium() as browser:
        yield browser.context(hub.url).new_page()


@pytest.mark.browser
def test_the_docs_work_without_the_internet_and_within_the_content_policy(hub: RunningHub, page: Page) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{hub.url}/api/v1/docs")
    page.locator("#operations-devices-list_devices .opblock-summary").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.get_by_text("this needs a login").first.wait_for()
    assert {url for url in asked if not url.startswith(f"{hub.url}/")} == set()
    assert [text for text in complaints if "401" not in text] == []
