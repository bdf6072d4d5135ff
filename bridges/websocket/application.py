"""The ASGI application at `/mqtt`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from django.conf import settings

from bridges.mqtt import brokers
from bridges.mqtt.address import AddressError
from devices.runtime import stats
from devices.runtime.log_throttle import LogThrottle

from . import tunnel
from .client_ids import receive_login
from .frames import TRY_AGAIN_LATER, CloseCode, Receive, Send, receive_bytes
from .transport import WebSocketTransport

logger = logging.getLogger("hubbub.mqtt")

SUBPROTOCOLS = ("mqtt", "mqttv3.1")
"""The second is what clients of MQTT 3.1 ask for."""
Headers = Iterable[tuple[bytes, bytes]]

_unavailable = LogThrottle()


class CountedConnection(Protocol):
    """The connection, as the server counts it."""

    def sign_in_as(self, account: str) -> None: ...


class MqttOverWebSocket:
    """Serves the embedded broker, once `serve` has named it, or carries the bytes to where devices connect.

    The client signs in with MQTT; cookies mean nothing here. `is_allowed` judges the origin of a browser's page.
    """

    def __init__(self, is_allowed: Callable[[Headers], bool]) -> None:
        self._is_allowed = is_allowed
        self._connect: Callable[[], asyncio.Protocol] | None = None

    def serve(self, connect: Callable[[], asyncio.Protocol]) -> None:
        """`connect` makes the protocol of a connection to the embedded broker. Raises `ConnectionRefusedError`."""
        self._connect = connect

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # "websocket.connect"
        if not self._is_allowed(scope["headers"]):
            stats.requests_rejected.labels("origin").inc()
            await send({"type": "websocket.close"})
            return
        offered = [each for each in scope.get("subprotocols", ()) if each in SUBPROTOCOLS]
        if not offered:
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept", "subprotocol": offered[0]})
        code = await self._run(scope, receive, send)
        if code is not None:
            await send({"type": "websocket.close", "code": code})

    async def _run(self, scope: dict[str, Any], receive: Receive, send: Send) -> CloseCode:
        if self._connect is not None:
            return await self._run_embedded(self._connect, scope, receive, send)
        if settings.BROKERS:
            return await self._run_elsewhere(receive, send)
        return TRY_AGAIN_LATER

    async def _run_elsewhere(self, receive: Receive, send: Send) -> CloseCode:
        try:
            address, is_for_devices = brokers.behind_websocket()
        except AddressError as error:
            _unavailable.warning(logger, f"MQTT over WebSocket is not available: {error}")
            return TRY_AGAIN_LATER
        return await tunnel.run(address, receive, send, receive_bytes if is_for_devices else receive_login)

    async def _run_embedded(
        self, connect: Callable[[], asyncio.Protocol], scope: dict[str, Any], receive: Receive, send: Send
    ) -> CloseCode:
        try:
            protocol = connect()
        except ConnectionRefusedError:
            return TRY_AGAIN_LATER
        visit: CountedConnection | None = scope.get("state", {}).get("visit")

        def on_sign_in(account: str) -> None:
            if visit is not None:
                visit.sign_in_as(f"mqtt:{account}")

        host, port = scope.get("client") or ("", 0)
        return await WebSocketTransport(protocol, receive, send, (host, port), on_sign_in).run()
