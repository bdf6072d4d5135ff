"""The client's address behind a proxy."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Any

from devices.runtime.addresses import is_within
from hub.env import Network
from hub.middleware import Application, Receive, Send

_PORT = re.compile(r"(?<=\]):[0-9]+$|^([0-9.]+):[0-9]+$")
_SECURE = {"http": "https", "ws": "wss"}


class TrustedProxies:
    """ASGI middleware: takes the address and the scheme of a request from `X-Forwarded-For` and `X-Forwarded-Proto`, if
    one of the `proxies` sent it. From anybody else these headers mean nothing, since everybody can write them."""

    def __init__(self, application: Application, proxies: Sequence[Network]) -> None:
        self._application = application
        self._proxies = proxies

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if self._proxies and client and is_within(client[0], self._proxies):
            scope = {**scope, **self._forwarded(scope)}
        await self._application(scope, receive, send)

    def _forwarded(self, scope: dict[str, Any]) -> dict[str, Any]:
        """The fields of the scope that the proxy knows better."""
        found: dict[str, Any] = {}
        if address := self._client(_values(scope, b"x-forwarded-for")):
            found["client"] = (address, 0)
        if _values(scope, b"x-forwarded-proto")[-1:] == ["https"]:
            found["scheme"] = _SECURE.get(scope.get("scheme", "http"), "https")
        return found

    def _client(self, addresses: Iterable[str]) -> str:
        """The last address that is not a proxy's: what stands before it was written by the client itself."""
        last = ""
        for text in reversed(list(addresses)):
            address = _PORT.sub(r"\1", text).strip("[]")
            try:
                ipaddress.ip_address(address)
            except ValueError:
                break
            last = address
            if not is_within(address, self._proxies):
                break
        return last


def _values(scope: dict[str, Any], name: bytes) -> list[str]:
    """The values of a header that lists them, which may stand in several lines."""
    lines = [value.decode("latin-1") for header, value in scope["headers"] if header == name]
    return [part.strip() for line in lines for part in line.split(",") if part.strip()]
