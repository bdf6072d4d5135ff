"""The base of all JSON bodies that clients send."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """Refuses fields it does not know: a misspelt one would otherwise be ignored silently."""

    model_config = ConfigDict(extra="forbid")
