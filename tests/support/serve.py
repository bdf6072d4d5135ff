"""Serves the hub's web side with short intervals: `python -m tests.support.serve daphne|uvicorn PORT`.

With `--no-checks` as a third argument connections are never checked on a schedule, only when an event asks for it; with
`--quick-deadlines` clients have little time to send their requests, and accounts few connections.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

from hub import asgi  # isort: skip - first: it sets Django up

from django.conf import settings

from dashboards.live.connection_monitor import MonitorIntervals
from dashboards.live.presence.redis import RedisPresence
from dashboards.live.presence.roster import RosterIntervals
from dashboards.live.relay import Relay
from hub import http_deadlines, sockets, visits
from hub.daphne.server import make_server
from hub.routing import relays
from tests.support.quick_limits import CONNECTIONS_OF_ACCOUNT

QUICK = MonitorIntervals(sweep_s=0.1, ping_s=1.0, silence_s=4.0, recheck_s=1.0)
NEVER_S = 86_400.0
PRESENCE_TTL_S = 5.0
ROSTER_INTERVALS = RosterIntervals(look_s=2.0)

_known: set[asyncio.AbstractEventLoop] = set()


async def application(scope: Any, receive: Any, send: Any) -> None:
    loop = asyncio.get_running_loop()
    if loop not in _known:
        _known.add(loop)
        intervals = MonitorIntervals(sweep_s=NEVER_S) if "--no-checks" in sys.argv else QUICK
        presence = RedisPresence(settings.REDIS_URL, PRESENCE_TTL_S) if settings.REDIS_URL else None
        relays.use(Relay(intervals, presence=presence, roster_intervals=ROSTER_INTERVALS))
    await asgi.application(scope, receive, send)


def main(server: str, port: int) -> None:
    logging.getLogger("hubbub").setLevel("DEBUG")
    http_deadlines.ABORT_S = 1.5
    if "--quick-deadlines" in sys.argv:
        http_deadlines.HEADERS_S = http_deadlines.BODY_GRACE_S = http_deadlines.IDLE_S = 1.5
        visits.ACCOUNT_LIMIT = CONNECTIONS_OF_ACCOUNT  # of connections that are idle for so short a time
    if server == "uvicorn":
        import uvicorn

        uvicorn.run(application, host="127.0.0.1", port=port, ws_per_message_deflate=False, lifespan="off")
    else:
        sock = sockets.bind("127.0.0.1", port, "PORT")  # kept: it closes when it is forgotten
        make_server(application, sock, lambda: None).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
