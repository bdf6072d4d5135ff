"""WebSockets as ASGI carries them."""

from __future__ import annotations

from collections.abc import Awaitable

from channels.exceptions import StopConsumer

from dashboards.live import frames, handlers
from dashboards.live.consumers.live import LiveConsumer, Message
from dashboards.live.errors import CLOSE_CODE_OF, CloseCode, EntryRefused
from dashboards.live.frames import Frame
from dashboards.live.requests import BadFrame, Request
from devices.runtime import stats


class WebSocketConsumer(LiveConsumer):
    """Frames of text in both directions."""

    is_accepted = False

    async def accept(self) -> None:
        await self._receive()  # "websocket.connect"
        await self.send({"type": "websocket.accept"})
        self.is_accepted = True

    async def refuse(self, refused: EntryRefused) -> None:
        """Sends a frame with the reason, because browsers do not show that of a close, and closes."""
        if not self.is_accepted:
            # A foreign page gets HTTP 403: it learns nothing, not even who is signed in.
            await self.send({"type": "websocket.close"})
            return
        code = CLOSE_CODE_OF.get(refused.code, CloseCode.RESTART)
        stats.connections_closed.labels(str(code.value)).inc()
        await self.deliver(frames.error(refused.code, refused.message))
        await self.finish(code)

    def deliver(self, frame: Frame) -> Awaitable[None]:
        # Not a coroutine of its own: it is called for each frame and viewer.
        sent: Awaitable[None] = self.base_send({"type": "websocket.send", "text": frame.text})
        return sent

    write = deliver

    async def finish(self, code: CloseCode) -> None:
        await self.send({"type": "websocket.close", "code": code.value})

    def decode(self, text: str) -> Request:
        """Reads a frame of the client. Raises `BadFrame`."""
        return handlers.decode(text)

    async def websocket_receive(self, message: Message) -> None:
        text = message.get("text")
        if text is None:
            handlers.refuse(self.connection, BadFrame("invalid", "a frame is text"))
        else:
            await handlers.receive(self.relay, self.connection, text, self.decode)

    async def websocket_disconnect(self, message: Message) -> None:
        self.penalize(message.get("code"))  # the server has closed it, because of its control frames
        raise StopConsumer
