"""JSON bodies that clients send, what bounds the work on them, and the limits that the document states for fields."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_JSON_BYTES = 128 * 1024
"""A larger body is refused before it is parsed, which would occupy the event loop. No documented one comes near."""
MAX_DECODER_BYTES = 768 * 1024
"""The same of a decoder: a script, and its test vectors. Escaped, a script is longer than it is."""
MAX_FAULTS = 10
"""Faults of a body that an error lists."""


def most_json_bytes(path: str) -> int:
    return MAX_DECODER_BYTES if path.startswith("/api/v1/decoders") else MAX_JSON_BYTES


class RequestBody(BaseModel):
    """Refuses fields it does not know: a misspelt one would otherwise be ignored silently. It converts nothing: `false`
    is not the number 0."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _leave_most_unknown_fields_out(cls, given: Any) -> Any:
        """A body may have thousands of them, and each would become a fault with a description of its own."""
        if not isinstance(given, dict) or len(given) <= len(cls.model_fields) + MAX_FAULTS:
            return given
        known = {field.alias or name for name, field in cls.model_fields.items()}
        unknown = [name for name in given if name not in known]
        return {name: given[name] for name in (*(given.keys() & known), *unknown[: MAX_FAULTS + 1])}


def stated(default: Any = ..., *, description: str | None = None, **limits: Any) -> Any:
    """A field whose `limits`, in the words of JSON Schema, the domain enforces: it has the better error for each."""
    return Field(default, description=description, json_schema_extra=limits)
