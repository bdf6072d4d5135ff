"""Serves long responses: `python -m tests.hub.daphne.serve daphne|uvicorn PORT`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from hub import asgi  # noqa: F401  # isort: skip - first: it sets Django up and patches Daphne

from hub import sockets
from hub.daphne.server import make_server
from hub.middleware.stall_limit import StallLimit
from tests.hub.daphne.test_sending import CHUNK, CHUNKS

STALL_S = 5.0
FULL_S = 0.3
"""A chunk that takes longer to be sent waits for the client."""
_LENGTHS = {"/long": CHUNKS, "/middle": 20, "/broken": 20, "/short": 0}


async def respond(scope: Any, receive: Any, send: Any) -> None:
    path = scope["path"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        for made in range(_LENGTHS[path]):
            sending = asyncio.ensure_future(
                send({"type": "http.response.body", "body": b"x" * CHUNK, "more_body": True})
            )
            if not (await asyncio.wait({sending}, timeout=FULL_S))[0]:
                print("waiting in", path, flush=True)
            await sending
            if made % 10 == 0:
                print("made", made, flush=True)
            if path == "/broken" and made == 10:
                raise RuntimeError("broke off")
        await send({"type": "http.response.body", "body": b"fine", "more_body": False})
    finally:
        print("stopped", flush=True)


def main(server: str, port: int) -> None:
    application = StallLimit(respond, STALL_S)
    if server == "uvicorn":
        import uvicorn

        uvicorn.run(application, host="127.0.0.1", port=port, lifespan="off")
    else:
        sock = sockets.bind("127.0.0.1", port, "PORT")  # kept: it closes when it is forgotten
        make_server(application, sock, lambda: None).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
