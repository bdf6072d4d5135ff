from __future__ import annotations

import signal
import socket
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboards.live.requests import MAX_FRAME_BYTES
from devices.management import metrics
from hub import asgi
from hub.routing import relays
from hub.server_options import PING_S, PONG_S

STOP_S = 4
"""How long running requests may take to end once the live connections are closed."""


class Command(BaseCommand):
    help = "Serves pages, HTTP API and live connections with uvicorn; any number of such processes share the load."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.BIND, help="default: %(default)s, from BIND")
        parser.add_argument("--port", type=int, default=settings.PORT, help="default: %(default)s, from PORT")
        parser.add_argument(
            "--behind-proxy",
            action="store_true",
            help="trust X-Forwarded-For and X-Forwarded-Proto of every client: use it only if nothing but a proxy that "
            "sets them itself can connect",
        )

        metrics.add_option(parser)

    def handle(self, *args: Any, host: str, port: int, behind_proxy: bool, **options: Any) -> None:
        if not settings.REDIS_URL:
            raise CommandError("REDIS_URL is not set: without it this process receives nothing that others store")
        metrics.serve(options["metrics_address"])
        config = uvicorn.Config(
            asgi.application,
            host=host,
            port=port,
            http="h11",  # which `hub.uvicorn` patches, and not httptools where that is installed
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            proxy_headers=behind_proxy,
            forwarded_allow_ips="*",
            server_header=False,
            timeout_graceful_shutdown=STOP_S,
            ws_max_size=MAX_FRAME_BYTES,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PONG_S,
            ws_per_message_deflate=False,  # telemetry would be compressed anew for each viewer
        )
        self.stdout.write(f"serving on http://{host}:{port}; Ctrl-C stops it")
        self.stdout.flush()
        # At its end uvicorn sends itself the signal again, which would kill this process instead of exiting with 0.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        _Server(config).run()


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes event streams first: they never end by themselves, and uvicorn would wait for them."""
        await relays.close_all()
        await super().shutdown(sockets)
