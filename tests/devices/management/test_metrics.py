from __future__ import annotations

import socket

import httpx
import pytest
from django.core.management import CommandError

from devices.management import metrics
from tests.support.ports import free_port


def test_it_serves_the_counters_at_the_address() -> None:
    port = free_port()
    metrics.serve(f"127.0.0.1:{port}")
    assert "hubbub_readings_stored_total" in httpx.get(f"http://127.0.0.1:{port}/metrics").text


def test_without_an_address_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(metrics, "start_http_server", lambda *where: started.append(where))
    metrics.serve(None)
    assert started == []
    metrics.serve("127.0.0.1:9100")
    assert started == [(9100, "127.0.0.1")]


@pytest.mark.parametrize("address", ["", "9100", "localhost", "localhost:port", "localhost:1:2", "u@h:1", "h:1/path"])
def test_an_invalid_address_is_named(address: str) -> None:
    with pytest.raises(CommandError, match="--metrics must be HOST:PORT"):
        metrics.serve(address)


def test_a_port_that_is_taken_stops_the_start() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(CommandError, match="in use"):
            metrics.serve(f"127.0.0.1:{other.getsockname()[1]}")
