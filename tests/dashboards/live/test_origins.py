from __future__ import annotations

from typing import Any

import pytest

from dashboards.live import origins


@pytest.fixture(autouse=True)
def own(settings: Any) -> None:
    settings.ALLOWED_ORIGINS = ["http://localhost:8000", "https://hub.example.org", "http://[::1]:8000"]


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:8000",
        "HTTP://LOCALHOST:8000",
        "https://hub.example.org",
        "https://hub.example.org:443",
        "http://[::1]:8000",
    ],
)
def test_an_allowed_origin_is_admitted(origin: str) -> None:
    assert origins.is_allowed([(b"host", b"localhost"), (b"origin", origin.encode())])


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost",  # port 80
        "http://localhost:8001",
        "https://localhost:8000",
        "http://hub.example.org",
        "https://sub.hub.example.org",
        "https://hub.example.org.evil.example",
        "https://hub.example.org@evil.example",
        "https://evil.example#https://hub.example.org",
        "http://localhost:8000/",
        "http://localhost:8000/path",
        "http://localhost:8000, http://localhost:8000",
        " http://localhost:8000",
        "http://localhost:8000\n",
        "http://localhost:99999",
        "http://localhost:٨٠٠٠",
        "http://localhost:",
        "http://[::1",
        "localhost:8000",
        "//localhost:8000",
        "file://",
        "null",
        "",
    ],
)
def test_any_other_origin_is_refused(origin: str) -> None:
    assert not origins.is_allowed([(b"origin", origin.encode())])


def test_a_missing_origin_is_refused_where_it_is_required() -> None:
    assert not origins.is_allowed([(b"host", b"localhost:8000")])


def test_two_origins_are_refused() -> None:
    assert not origins.is_allowed([(b"origin", b"http://localhost:8000"), (b"origin", b"https://evil.example")])


def test_an_origin_that_is_not_ascii_is_refused() -> None:
    assert not origins.is_allowed([(b"origin", b"http://\xff\xfe:8000")])
