from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from hub.middleware.proxies import TrustedProxies

PROXIES = [ipaddress.ip_network(text) for text in ("127.0.0.1", "10.1.0.0/16", "2001:db8::/32")]


async def seen(client: str | None, *headers: tuple[str, str], scheme: str = "http") -> tuple[Any, str]:
    """The client's address and the scheme that the application behind it sees."""
    found: dict[str, Any] = {}

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        found.update(scope)

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "headers": pairs, "scheme": scheme, "client": client and (client, 4000)}
    await TrustedProxies(application, PROXIES)(scope, None, None)  # type: ignore[arg-type]
    return found["client"] and found["client"][0], found["scheme"]


FOR, PROTO = "x-forwarded-for", "x-forwarded-proto"


@pytest.mark.parametrize("proxy", ["127.0.0.1", "10.1.2.3", "::ffff:127.0.0.1", "2001:db8::1"])
async def test_a_proxy_names_the_client(proxy: str) -> None:
    assert await seen(proxy, (FOR, "192.0.2.7"), (PROTO, "https")) == ("192.0.2.7", "https")


async def test_anybody_else_names_nobody() -> None:
    assert await seen("192.0.2.1", (FOR, "192.0.2.7"), (PROTO, "https")) == ("192.0.2.1", "http")


async def test_what_the_client_wrote_itself_does_not_count() -> None:
    assert (await seen("127.0.0.1", (FOR, "203.0.113.9, 192.0.2.7")))[0] == "192.0.2.7"
    assert (await seen("127.0.0.1", (FOR, "203.0.113.9"), (FOR, "192.0.2.7")))[0] == "192.0.2.7"


async def test_a_chain_of_proxies_is_followed() -> None:
    assert (await seen("127.0.0.1", (FOR, "203.0.113.9, 192.0.2.7, 10.1.0.4")))[0] == "192.0.2.7"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7:443", "192.0.2.7"),
        ("[2001:db9::7]:443", "2001:db9::7"),
        ("2001:db9::7", "2001:db9::7"),
        ("unknown", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("192.0.2.7, nonsense", "127.0.0.1"),
    ],
)
async def test_addresses_may_have_ports_and_nonsense_is_ignored(text: str, address: str) -> None:
    assert (await seen("127.0.0.1", (FOR, text)))[0] == address


async def test_a_websocket_becomes_a_secure_one() -> None:
    assert (await seen("127.0.0.1", (PROTO, "https"), scheme="ws"))[1] == "wss"
    assert (await seen("127.0.0.1", (PROTO, "http"), scheme="ws"))[1] == "ws"


async def test_a_connection_without_an_address_is_left_alone() -> None:
    assert await seen(None, (FOR, "192.0.2.7")) == (None, "http")
