"""Every patch of uvicorn; `patch()` is the only place that changes it, whatever command started it.

As in `hub.daphne`, the docstring of each patch names the failure that it prevents and what would make it unnecessary,
and `tests/hub/daphne/test_upstream.py` fails when the code underneath has changed. The patches are methods of uvicorn's
own classes, because uvicorn has chosen these before it imports the application.
"""

from __future__ import annotations

from hub import log_secrets
from hub.uvicorn import connections, websocket


def patch() -> None:
    """Patches every uvicorn of this process, whoever starts it."""
    log_secrets.hide_in_uvicorn()
    connections.patch()
    websocket.patch()
