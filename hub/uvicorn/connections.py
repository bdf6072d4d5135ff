"""uvicorn's HTTP connections with deadlines, and with a limit of those that have not signed in."""

from __future__ import annotations

from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from hub.http_deadlines import REQUEST_TIMEOUT, Phase
from hub.uvicorn.closing import abort_unread
from hub.visits import Visit

_connection_made = H11Protocol.connection_made
_connection_lost = H11Protocol.connection_lost
_data_received = H11Protocol.data_received
_response_complete = H11Protocol.on_response_complete
_upgrade = H11Protocol.handle_websocket_upgrade
_run = RequestResponseCycle.run_asgi


def patch() -> None:
    """Cuts connections whose client sends too slowly or reads nothing, and the oldest of an address with too many.

    Failure: a client may take for ever to send a request, or its body, and a connection that sends nothing at all stays
    open, so that one host can occupy all file descriptors. Nor does closing end while the client reads nothing.
    Unnecessary once uvicorn has timeouts for headers and bodies (0.54 has one for idle connections after a response
    only; no issue that is open asks for it) and a limit of connections per address.
    """
    changes: dict[str, Any] = {
        "connection_made": _begin_visit,
        "connection_lost": _end_visit,
        "data_received": _receive,
        "on_response_complete": _note_response,
        "handle_websocket_upgrade": _note_upgrade,
    }
    for name, change in changes.items():
        setattr(H11Protocol, name, change)
    setattr(RequestResponseCycle, "run_asgi", _run_to_the_end)  # noqa: B010 - a method, for mypy


def _begin_visit(protocol: Any, transport: Any) -> None:
    _connection_made(protocol, transport)
    # With `runweb --behind-proxy` everybody comes from the proxy, which has a limit of its own.
    behind_proxy = protocol.config.proxy_headers and protocol.config.forwarded_allow_ips == "*"
    host = protocol.client[0] if protocol.client and not behind_proxy else None
    visit = Visit(host, lambda reason: _cut(protocol, reason), lambda phase: _makes_progress(protocol, phase))
    # Everything that serves the connection gets this: the scope of each request, and the WebSocket that it may become.
    protocol.app_state = {**protocol.app_state, "visit": visit}
    protocol.unsent = 0


def _end_visit(protocol: Any, error: Exception | None) -> None:
    _visit(protocol).end()
    _connection_lost(protocol, error)


def _receive(protocol: Any, data: bytes) -> None:
    deadline = _visit(protocol).deadline
    if deadline.phase is Phase.IDLE:
        deadline.wait_for(Phase.HEADERS)
    deadline.received(len(data))
    _data_received(protocol, data)
    _note_phase(protocol)


def _note_response(protocol: Any) -> None:
    protocol.unsent = protocol.transport.get_write_buffer_size()
    _visit(protocol).deadline.wait_for(Phase.IDLE)
    _response_complete(protocol)
    _note_phase(protocol)


def _note_upgrade(protocol: Any, event: Any) -> None:
    _visit(protocol).deadline.wait_for(Phase.NOTHING)
    _upgrade(protocol, event)


def _note_phase(protocol: Any) -> None:
    """After bytes have been read: what of the client is missing now. Between two requests the phase stays as it is."""
    if protocol.transport.get_protocol() is not protocol:
        return  # it is a WebSocket now
    deadline, state = _visit(protocol).deadline, protocol.conn.their_state
    if state is h11.SEND_BODY and deadline.phase is not Phase.BODY:
        deadline.wait_for(Phase.BODY)
    elif state not in (h11.SEND_BODY, h11.IDLE) and not _is_answered(protocol):
        deadline.wait_for(Phase.NOTHING)


async def _run_to_the_end(cycle: Any, application: Any) -> None:
    """uvicorn closes after a response that broke off, as when its client has read nothing for too long."""
    await _run(cycle, application)
    if not cycle.response_complete:
        abort_unread(cycle.transport)


def _is_answered(protocol: Any) -> bool:
    return protocol.cycle is not None and protocol.cycle.response_complete


def _makes_progress(protocol: Any, phase: Phase) -> bool:
    """Whether the delay is not the client's: it may not send, or it is still reading the response."""
    if phase is Phase.BODY:
        return bool(protocol.flow.read_paused)
    before, protocol.unsent = protocol.unsent, protocol.transport.get_write_buffer_size()
    return phase is Phase.IDLE and 0 < protocol.unsent < before


def _cut(protocol: Any, reason: str) -> None:
    if reason == Phase.BODY.value and not protocol.cycle.response_started:
        protocol.transport.write(REQUEST_TIMEOUT)
    # What is in the socket's own buffer still arrives.
    protocol.transport.abort()


def _visit(protocol: Any) -> Visit:
    visit: Visit = protocol.app_state["visit"]
    return visit
