"""JSON of any shape, such as the result of an answer, without what the database cannot hold."""

from __future__ import annotations

from typing import Any

from bridges.codec.json_reading import MAX_DEPTH, RepeatedKeys
from bridges.codec.values import check_text, check_value
from devices.errors import Refusal, SkippedValues


def storable(content: Any, path: str, skipped: SkippedValues, depth: int = 1) -> Any:
    """The content with null in place of what breaks the rules of values, which `skipped` receives by its path.

    An object loses keys that cannot be stored. Of two equal keys the last is kept.
    """
    if isinstance(content, (dict, list)) and depth > MAX_DEPTH:
        skipped.add(Refusal("too_deep", key=path))
        return None
    if isinstance(content, dict):
        return _storable_object(content, path, skipped, depth)
    if isinstance(content, list):
        return [storable(value, f"{path}.{i}", skipped, depth + 1) for i, value in enumerate(content)]
    try:
        _check_scalar(content)
    except Refusal as refusal:
        skipped.add(refusal.of(path))
        return None
    return content


def _storable_object(content: dict[str, Any], path: str, skipped: SkippedValues, depth: int) -> dict[str, Any]:
    if isinstance(content, RepeatedKeys):
        for key, count in content.repeats.items():
            skipped.add(Refusal("duplicate_key", "the last one is kept", f"{path}.{key}"), count)
    found: dict[str, Any] = {}
    for key, value in content.items():
        try:
            check_text(key)
        except Refusal as refusal:
            skipped.add(refusal.of(f"{path}.{key}"))
        else:
            found[key] = storable(value, f"{path}.{key}", skipped, depth + 1)
    return found


def _check_scalar(content: Any) -> None:
    """A text may be longer than the value of a metric."""
    if isinstance(content, str):
        check_text(content)
    elif content is not None:
        check_value(content)
