"""Webhooks: secret addresses that post messages to a room."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import Router, Status
from ninja.errors import HttpError
from pydantic import BaseModel, Field

from bridges.rest.auth import address_of, person_of
from bridges.rest.errors import Problem
from bridges.rest.guesses import look_up
from bridges.rest.messages import MessagePosted
from bridges.rest.request_body import RequestBody, stated
from devices.access import Person
from devices.errors import Invalid, NotFound
from devices.log.text import MAX_TEXT
from devices.models import Webhook
from devices.rooms import posting
from devices.rooms import webhooks as room_webhooks
from devices.runtime import database
from devices.runtime.addresses import network_of
from devices.runtime.credentials import hash_token
from devices.runtime.login_throttle import LoginThrottle

router = Router(tags=["webhooks"])
hooks_router = Router(tags=["webhooks"], auth=None)
throttle = LoginThrottle()

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Fields other than `text` are ignored. The form that Slack's clients send, "
        "with the JSON in its field `payload`, is accepted too.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["text"],
                    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}},
                },
                "example": {"text": "the build is green"},
            }
        },
    }
}


class WebhookFacts(BaseModel):
    id: int
    name: str = Field(description="the author of its messages")
    created_by: str | None
    created_at: int


class WebhookList(BaseModel):
    items: list[WebhookFacts]


class WebhookName(RequestBody):
    name: str = stated(minLength=1, maxLength=room_webhooks.MAX_NAME, description="printable characters")


class WebhookMade(WebhookFacts):
    url: str = Field(description="where to post; shown only this once")


@router.get("/{int:id}/webhooks", response={200: WebhookList, (401, 403, 404, 503): Problem})
async def list_webhooks(request: HttpRequest, id: int) -> dict[str, Any]:
    """The webhooks of the room. Needs the role manager."""
    return await database.run(_list, person_of(request), id)


@router.post("/{int:id}/webhooks", response={201: WebhookMade, (400, 401, 403, 404, 422, 503): Problem})
async def create_webhook(request: HttpRequest, id: int, given: WebhookName) -> Status[dict[str, Any]]:
    """Creates a webhook. Its address is a secret and is shown only this once. Needs the role manager."""
    facts, secret = await database.run(_create, person_of(request), id, given.name)
    return Status(201, {**facts, "url": request.build_absolute_uri(f"/api/v1/hooks/{secret}")})


@router.delete("/{int:id}/webhooks/{int:webhook}", response={204: None, (401, 403, 404, 503): Problem})
async def delete_webhook(request: HttpRequest, id: int, webhook: int) -> Status[None]:
    """Deletes a webhook: its address no longer works. Needs the role manager."""
    await database.run(room_webhooks.delete_webhook, person_of(request), id, webhook)
    return Status(204, None)


@hooks_router.post(
    "/{secret}", response={201: MessagePosted, (400, 404, 413, 422, 429, 503): Problem}, openapi_extra=_BODY
)
async def post_to_webhook(request: HttpRequest, secret: str) -> Status[dict[str, int]]:
    """Posts a message in the webhook's room, under its name. Anybody who knows the address may."""
    webhook = await _authenticated(request, secret)
    return Status(201, {"seq": await posting.post_as(webhook, _text(request))})


async def _authenticated(request: HttpRequest, secret: str) -> Webhook:
    """Raises `NotFound`, or `TooManyFailures` for a client that guesses."""
    network, find = network_of(address_of(request)), partial(room_webhooks.webhook, secret)
    webhook = await look_up(throttle, network, hash_token(secret), find)
    if webhook is None:
        raise NotFound("there is no such webhook")
    return webhook


class _Post(msgspec.Struct):
    """What is read of a body. Its further fields are passed over, so that a large one takes little time."""

    text: str


def _text(request: HttpRequest) -> str:
    """Raises `HttpError` if the body is not JSON, and `Invalid`."""
    form = request.content_type == "application/x-www-form-urlencoded" and "payload" in request.POST
    try:
        whole = msgspec.json.decode(request.POST["payload"] if form else request.body, type=msgspec.Raw)
        return msgspec.json.decode(whole, type=_Post).text
    except msgspec.ValidationError:
        raise Invalid("text: a text is required") from None
    except (msgspec.DecodeError, RecursionError):  # the latter where it is nested too deep
        raise HttpError(400, "the body is not JSON") from None


def _list(person: Person, id: int) -> dict[str, Any]:
    webhooks = room_webhooks.managed(person, id).webhooks.select_related("created_by")
    return {"items": [_facts(webhook) for webhook in webhooks]}


def _create(person: Person, id: int, name: str) -> tuple[dict[str, Any], str]:
    webhook, secret = room_webhooks.create_webhook(person, id, name)
    return _facts(webhook), secret


def _facts(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.pk,
        "name": webhook.name,
        "created_by": webhook.created_by.get_username() if webhook.created_by else None,
        "created_at": int(webhook.created_at.timestamp() * 1000),
    }
