"""Mappings of well-known programs and firmwares, one file each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from devices.errors import Invalid

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Preset:
    """`prefix`: where its topics begin unless its user has changed that. `needs`: what its user must set there.
    `examples`: messages, each with `topic` and `payload`."""

    name: str
    title: str
    prefix: str
    definition: Mapping[str, Any]
    needs: str = ""
    examples: Sequence[Mapping[str, str]] = ()


@cache
def all_presets() -> Mapping[str, Preset]:
    """By their names, in the order of the alphabet."""
    files = sorted(_FOLDER.glob("*.json"))
    return {file.stem: Preset(name=file.stem, **msgspec.json.decode(file.read_bytes())) for file in files}


def resolve(options: Mapping[str, Any]) -> Preset:
    """The preset that options name, as in `{"preset": "wled"}`; else one of the definition itself. Raises `Invalid`."""
    if "preset" not in options:
        return Preset("", "", "", options)
    found = all_presets().get(str(options["preset"]))
    if found is None or len(options) > 1:
        raise Invalid(f"a preset stands alone and is one of {', '.join(all_presets())}, not {options['preset']!r}")
    return found
