"""The code of others that patches change or rely on is what they were written for."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from importlib.metadata import version
from pathlib import Path

import pytest

PINS = {
    # patch: what it changes, or relies on without changing it -> fingerprint
    "access_log": {
        "daphne.server:Server.log_action": "9f1680cf5e0d",
        "daphne.access:AccessLogGenerator": "5a323aefc536",
    },
    "accepting": {
        "twisted.internet.tcp:_accept": "31a4061b71a7",
        "daphne.server:Server.run": "7f63dc160eb8",
    },
    "connections": {
        "daphne.http_protocol:HTTPFactory.buildProtocol": "ee79354dea2b",
        "twisted.web.http:HTTPChannel.connectionMade": "ccd66d383ede",
        "twisted.web.http:HTTPChannel.dataReceived": "cff2ad77a90d",
        "twisted.web.http:HTTPChannel.allHeadersReceived": "0a8dfaba39cb",
        "twisted.web.http:HTTPChannel.allContentReceived": "dd65e80af123",
        "twisted.web.http:HTTPChannel.requestDone": "1ea5e0193ce1",
        "twisted.web.http:HTTPChannel.timeoutConnection": "4b5aaa053c99",
        "twisted.web.http:_GenericHTTPChannelProtocol.dataReceived": "a4b493f0bc33",
    },
    "request_bodies": {
        "daphne.http_protocol:WebRequest.connectionLost": "517358708bb0",
        "daphne.http_protocol:WebRequest.process": "b22deb6530a5",
        "daphne.http_protocol:WebRequest.basic_error": "75c40bc366e8",
        "twisted.web.http:Request.gotLength": "0fa22c17856a",
        "twisted.web.http:Request.handleContentChunk": "7231aa98dddf",
        "twisted.web.http:Request.requestReceived": "ef516c4a4425",
        "twisted.web._http2:H2Stream.receiveDataChunk": "ed5f99c7a1b9",
        "twisted.web._http2:H2Stream.requestComplete": "9e89411f38d9",
    },
    "responses": {
        "daphne.http_protocol:WebRequest.handle_exception": "8a208dc6eb1a",
        "daphne.http_protocol:WebRequest.handle_reply": "101a7bbf4292",
        "daphne.server:Server.application_checker": "1721c6d6833e",
    },
    "sending": {
        "daphne.server:Server.handle_reply": "2d3dceaa037c",
        "daphne.ws_protocol:WebSocketProtocol.handle_reply": "f0996c9d45b2",
        "daphne.ws_protocol:WebSocketProtocol.onOpen": "1020dbac198c",
        "twisted.web.http:Request.registerProducer": "b4aa7d480aea",
        "twisted.web.http:Request.unregisterProducer": "a34ba1a2617a",
        "twisted.web._http2:H2Stream.registerProducer": "4d1ba5caec54",
    },
    "websocket.AnyCloseCode": {
        "daphne.ws_protocol:WebSocketProtocol.serverClose": "1b73f7535b75",
        "autobahn.websocket.protocol:WebSocketProtocol.sendClose": "3f227a4dbab2",
        "autobahn.websocket.protocol:WebSocketProtocol.sendCloseFrame": "b5856d7f4d3d",
    },
    "websocket.LimitForClientsOnly": {
        "autobahn.websocket.protocol:WebSocketProtocol.sendMessage": "47f4463b3702",
        "autobahn.websocket.protocol:WebSocketProtocol._max_message_size_exceeded": "8f3b4cf9f2da",
        "autobahn.websocket.protocol:WebSocketProtocol._fail_connection": "29371d1986d8",
    },
    "websocket.BoundedReads": {
        "daphne.ws_protocol:WebSocketProtocol.onMessage": "e2e8703ca644",
        "daphne.server:Server.create_application": "e440a9663047",
    },
    "websocket.BoundedControlFrames": {
        "autobahn.websocket.protocol:WebSocketProtocol.processControlFrame": "6d6e3d4527da",
        "autobahn.websocket.protocol:WebSocketProtocol.onFrameBegin": "b87250667e60",
        "autobahn.websocket.protocol:WebSocketProtocol.onMessageFrameBegin": "3be07b12809f",
        "autobahn.websocket.protocol:WebSocketProtocol.sendPong": "6c27cdcc1f45",
    },
    "websocket.EndsVisit": {
        "daphne.ws_protocol:WebSocketProtocol.onClose": "649590f8cd3a",
    },
    "websocket.DirectWrites": {
        "daphne.ws_protocol:WebSocketProtocol.serverSend": "638c06986cc0",
        "twisted.internet.abstract:FileDescriptor.write": "875881046d89",
        "twisted.internet.abstract:FileDescriptor.doWrite": "55fa74417da3",
        "twisted.internet.tcp:Connection.writeSomeData": "3f3ebd2e1967",
    },
    "direct_middleware": {
        "django.utils.deprecation:MiddlewareMixin": "80a8cd447a3c",
        "django.middleware.security:SecurityMiddleware": "b1d59d5f92ab",
        "csp.middleware:CSPMiddleware": "3a7a03c7acb6",
        "django.contrib.sessions.middleware:SessionMiddleware": "b212eae3bcec",
        "django.middleware.common:CommonMiddleware": "6877381a57f3",
        "django.middleware.csrf:CsrfViewMiddleware": "308c8ff6d927",
        "django.contrib.auth.middleware:AuthenticationMiddleware": "1a89e934c4c5",
        "django.contrib.messages.middleware:MessageMiddleware": "56fd12d7be07",
        "django.middleware.clickjacking:XFrameOptionsMiddleware": "d54b71583ede",
    },
    "uvicorn.connections": {
        "uvicorn.protocols.http.h11_impl:H11Protocol.connection_made": "90cf013eb407",
        "uvicorn.protocols.http.h11_impl:H11Protocol.connection_lost": "d17adb97a2ff",
        "uvicorn.protocols.http.h11_impl:H11Protocol.data_received": "98f8b4defbd3",
        "uvicorn.protocols.http.h11_impl:H11Protocol.handle_events": "775639436fbc",
        "uvicorn.protocols.http.h11_impl:H11Protocol.handle_websocket_upgrade": "7fc94ab6dbae",
        "uvicorn.protocols.http.h11_impl:H11Protocol.on_response_complete": "247dc2f884fa",
        "uvicorn.protocols.http.h11_impl:RequestResponseCycle.run_asgi": "3a0a2cb6806d",
    },
    "uvicorn.websocket": {
        "uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol": "069193728e96",
        "websockets.protocol:Protocol.parse": "4473e916ad87",
        "websockets.protocol:Protocol.recv_frame": "c919391307c7",
        "websockets.protocol:Protocol.send_frame": "947b123c2651",
        "websockets.protocol:Protocol.fail": "2cc34a843f6c",
        "websockets.server:ServerProtocol.parse": "589166afad09",
    },
}


def source(address: str) -> str:
    """The source of `module:Class.method` as it is on the disk; in memory it may be patched."""
    module, _, name = address.partition(":")
    spec = importlib.util.find_spec(module)
    assert spec is not None, f"{module} is gone"
    assert spec.origin is not None
    text = Path(spec.origin).read_text()
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        found = [child for child in ast.iter_child_nodes(node) if getattr(child, "name", None) == part]
        assert found, f"{address} is gone"
        node = found[-1]
    return ast.get_source_segment(text, node) or ""


def fingerprint(address: str) -> str:
    return hashlib.sha256(source(address).encode()).hexdigest()[:12]


@pytest.mark.parametrize(("patch", "address"), [(patch, address) for patch, pins in PINS.items() for address in pins])
def test_the_code_under_a_patch_is_the_code_that_it_was_written_for(patch: str, address: str) -> None:
    package = address.partition(".")[0]
    assert fingerprint(address) == PINS[patch][address], (
        f"{address} has changed ({package} {version(package)}). Read the docstring of {patch} in hub.daphne, or of "
        f"hub.{patch}: if the code now does what the patch adds, remove the patch; else adapt it and run tests/hub and "
        f"tests/dashboards/live. Then set the fingerprint here to {fingerprint(address)!r}."
    )


def test_every_patch_has_pins_and_a_docstring_that_names_its_end() -> None:
    from hub import direct_middleware, uvicorn
    from hub.daphne import accepting, access_log, connections, request_bodies, responses, sending, websocket

    patches = {
        "accepting": accepting.patch,
        "connections": connections.patch,
        "direct_middleware": direct_middleware.patch,
        "uvicorn.connections": uvicorn.connections.patch,
        "uvicorn.websocket": uvicorn.websocket.patch,
        "access_log": access_log.patch,
        "request_bodies": request_bodies.patch,
        "responses": responses.patch,
        "sending": sending.patch,
        **{f"websocket.{base.__name__}": base for base in websocket.LiveProtocol.__bases__},
    }
    del patches["websocket.WaitingSends"]  # belongs to `sending.patch`
    assert patches.keys() == PINS.keys()
    for name, patch in patches.items():
        text = patch.__doc__ or ""
        assert "Failure: " in text, name
        assert "Unnecessary once " in text, name
