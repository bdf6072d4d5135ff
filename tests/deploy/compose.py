"""docker-compose.yml and Dockerfile as data, as Compose reads them with the settings of an `.env`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.support.servers import ROOT

COMPOSE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / "deploy" / "env.example"
DOCKERFILE = ROOT / "Dockerfile"

_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<text>[^}]*))?\}")


class Unset(Exception):
    """A variable that the file requires is not set."""


def example_settings() -> dict[str, str]:
    """The settings of deploy/env.example."""
    lines = (line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def read(settings: Mapping[str, str]) -> dict[str, Any]:
    """The compose file with its variables filled in."""
    found: dict[str, Any] = _fill(yaml.safe_load(COMPOSE.read_text()), settings)
    return found


def _fill(node: Any, settings: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _fill(value, settings) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, settings) for value in node]
    if not isinstance(node, str):
        return node

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if given := settings.get(match["name"]):
            return given
        if match["how"] == "?":
            raise Unset(f"{match['name']}: {match['text']}")
        return match["text"] or ""

    return _VARIABLE.sub(value, node)


def image_words(instruction: str) -> list[str]:
    """The words of the last `ENTRYPOINT`, `CMD` … of the Dockerfile, in its exec form."""
    [*_, text] = re.findall(rf"^\s*{instruction} (\[.*\])$", DOCKERFILE.read_text(), re.MULTILINE)
    words: list[str] = json.loads(text)
    return words
