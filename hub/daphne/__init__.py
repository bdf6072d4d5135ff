"""Daphne as this hub runs it: the server, and every patch of Daphne and of what it is built on.

`patch()` is the only place that changes Daphne, autobahn or Twisted. The docstring of each patch names the failure that
it prevents and what would make it unnecessary. `tests/hub/daphne/test_upstream.py` fails when the code underneath a
patch has changed.
"""

from __future__ import annotations

from hub.daphne import accepting, access_log, connections, request_bodies, responses, sending, websocket


def patch() -> None:
    """Patches every Daphne of this process, whoever starts it."""
    accepting.patch()
    access_log.patch()
    connections.patch()
    request_bodies.patch()
    responses.patch()
    sending.patch()
    websocket.patch()
