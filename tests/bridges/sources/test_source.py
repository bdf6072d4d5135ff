"""One source: what it passes on of what its convention has heard."""

from __future__ import annotations

import pytest

from bridges.ingest.batches import shared_processor
from bridges.ingest.pipeline import Pipeline
from bridges.sources.convention import Message
from bridges.sources.source import Source
from devices.models import Source as StoredSource

RULES = {"rules": [{"topic": "x", "device": "{id}", "name": "{name}", "via": "{via}"}]}


@pytest.mark.parametrize(
    ("payload", "name", "via"),
    [
        (b'{"id":"a","name":"Attic","via":"gw","t":1}', "Attic", "gw"),
        (b'{"id":"a","name":"' + b"x" * 200 + b'","t":1}', "x" * 120, ""),
        (b'{"id":"a","name":"\\ud800","via":"\\u0000","t":1}', "", ""),
    ],
)
async def test_names_are_passed_on_as_the_database_can_hold_them(payload: bytes, name: str, via: str) -> None:
    stored = StoredSource(pk=1, convention="mapping", prefix="home", options=RULES, broker="main", space_id=1)
    source = Source(stored, Pipeline(shared_processor()))
    source.receive(Message("home/x", payload, 1), None)
    [sighting] = source.news().sightings
    assert (sighting.name, sighting.via) == (name, via)
    source.know({"a": "uid-a"})
    source.receive(Message("home/x", payload, 1), None)
    assert source.news().names == ([("a", name)] if name else [])
