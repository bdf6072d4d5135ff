"""The conventions that a source may have."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from bridges.rest.errors import Problem
from bridges.sources.conventions import CONVENTIONS
from devices.registry.sources import descriptions

router = Router(tags=["sources"])


class ConventionFacts(BaseModel):
    name: str
    title: str
    about: str
    prefix: str = Field(description="the first levels of its topics, unless a source says otherwise; empty: none")


class ConventionList(BaseModel):
    items: list[ConventionFacts]


@router.get("", response={200: ConventionList, (401, 503): Problem})
async def list_conventions(request: HttpRequest) -> dict[str, Any]:
    """What devices may speak at a broker."""
    return {"items": [_facts(name) for name in CONVENTIONS]}


def _facts(name: str) -> dict[str, Any]:
    description = descriptions.of(name)
    return {
        "name": name,
        "title": description.title,
        "about": description.about,
        "prefix": CONVENTIONS[name].default_prefix,
    }
