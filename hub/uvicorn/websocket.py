"""uvicorn's WebSocket with bounds on what a client may send and leave unread."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from uvicorn.protocols.websockets import websockets_sansio_impl
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from dashboards.live.errors import CloseCode
from dashboards.live.rates import PING_BURST, ControlRate
from dashboards.live.requests import MAX_FRAME_BYTES
from devices.runtime import stats
from hub.server_options import MQTT_FRAME_BYTES, MQTT_PATH, PING_S, PONG_S, SMALL_FRAGMENT_BYTES
from hub.uvicorn.closing import abort_unread

_init = WebSocketsSansIOProtocol.__init__
_connection_lost = WebSocketsSansIOProtocol.connection_lost
_data_received = WebSocketsSansIOProtocol.data_received
_pause_writing = WebSocketsSansIOProtocol.pause_writing
_resume_writing = WebSocketsSansIOProtocol.resume_writing
_handle_connect = WebSocketsSansIOProtocol.handle_connect
_send_receive_event = WebSocketsSansIOProtocol.send_receive_event_to_app
_parser_exception = WebSocketsSansIOProtocol.handle_parser_exception
_task_complete = WebSocketsSansIOProtocol.on_task_complete


def patch() -> None:
    """Bounds control frames, closes for good, and answers every request for an upgrade.

    Failure: the protocol underneath answers each ping at once, into a buffer without bound, so that a client that pings
    and does not read fills the memory. A request for an upgrade that it does not understand, such as a POST, stays
    without an answer. Text that is not UTF-8 leaves a traceback in the log. Closing waits for ever for a client that
    reads nothing. And `uvicorn hub.asgi:application` takes frames of 16 MiB and compresses telemetry for each viewer.
    Unnecessary once uvicorn limits pings and answers an invalid handshake (0.54 does neither; no issue asks for it).
    """
    changes: dict[str, Any] = {
        "__init__": _init_bounded,
        "connection_lost": _end_visit,
        "handle_connect": _connect,
        "data_received": _receive_or_refuse,
        "pause_writing": _note_full,
        "resume_writing": _note_room,
        "handle_parser_exception": _close_for_good,
        "on_task_complete": _end_for_good,
        "send_receive_event_to_app": _pass_on,
    }
    for name, change in changes.items():
        setattr(WebSocketsSansIOProtocol, name, change)
    setattr(websockets_sansio_impl, "ServerProtocol", BoundedProtocol)  # noqa: B010 - of the module, for mypy


class BoundedProtocol(ServerProtocol):
    """Answers one ping a second, none while the socket is full, and fails with 4429 past the bound of `ControlRate`."""

    is_full = False
    """Whether the client leaves so much unread that the socket takes no more."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._control = ControlRate(time.monotonic, PING_BURST)
        self._has_failed = False

    def recv_frame(self, frame: Frame) -> None:
        if _is_control(frame) and not self._control.count():
            self._has_failed = True
            raise ProtocolError("too many control frames")
        super().recv_frame(frame)

    def send_frame(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.PONG or (not self.is_full and self._control.is_pong_due()):
            super().send_frame(frame)
        else:
            stats.pings_unanswered.inc()

    def fail(self, code: int, reason: str = "") -> None:
        if self._has_failed:
            code = CloseCode.TOO_MANY.value
            stats.connections_closed.labels(str(code)).inc()
        super().fail(code, reason)


def _is_control(frame: Frame) -> bool:
    """Messages count where they are handled; a fragment that carries next to nothing counts here."""
    if frame.opcode is Opcode.CONT:
        return len(frame.data) < SMALL_FRAGMENT_BYTES
    return frame.opcode in (Opcode.PING, Opcode.PONG)


def _init_bounded(protocol: Any, config: Any, *args: Any, **options: Any) -> None:
    config.ws_max_size = min(config.ws_max_size, MAX_FRAME_BYTES)
    config.ws_ping_interval, config.ws_ping_timeout = PING_S, PONG_S
    config.ws_per_message_deflate = False
    _init(protocol, config, *args, **options)


def _connect(protocol: Any, request: Any) -> None:
    if request.path.partition("?")[0] == MQTT_PATH:
        protocol.conn.max_size = MQTT_FRAME_BYTES
    _handle_connect(protocol, request)


def _end_visit(protocol: Any, error: Exception | None) -> None:
    if visit := protocol.app_state.get("visit"):
        visit.end()
    _connection_lost(protocol, error)


def _receive_or_refuse(protocol: Any, data: bytes) -> None:
    _data_received(protocol, data)
    if protocol.conn.handshake_exc is not None and not protocol.handshake_initiated:
        protocol.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        protocol.transport.close()


def _note_full(protocol: Any) -> None:
    protocol.conn.is_full = True
    _pause_writing(protocol)


def _note_room(protocol: Any) -> None:
    protocol.conn.is_full = False
    _resume_writing(protocol)


def _close_for_good(protocol: Any) -> None:
    _parser_exception(protocol)
    abort_unread(protocol.transport)


def _end_for_good(protocol: Any, task: asyncio.Task[None]) -> None:
    """The application has ended, and with it the connection."""
    _task_complete(protocol, task)
    abort_unread(protocol.transport)


def _pass_on(protocol: Any) -> None:
    """uvicorn's own `send_receive_event_to_app`, but for text that is not UTF-8."""
    if protocol.curr_msg_data_type == "text" and not protocol.close_sent:
        try:
            b"".join(protocol.frames).decode()
        except UnicodeDecodeError:
            protocol.frames = []
            protocol.conn.fail(1007, "not UTF-8")
            protocol.handle_parser_exception()
            return
    _send_receive_event(protocol)
