"""The counters of a process that serves no pages, for Prometheus."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.management.base import CommandError, CommandParser
from prometheus_client import start_http_server


def add_option(parser: CommandParser) -> None:
    parser.add_argument(
        "--metrics",
        dest="metrics_address",
        metavar="HOST:PORT",
        help="serves /metrics there, to whoever can connect; without it there is none",
    )


def serve(address: str | None) -> None:
    """Answers on a thread of its own for as long as the process lives. Raises `CommandError`."""
    if address is None:
        return
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port is None or parts.netloc != address or "@" in address:
        raise CommandError(f"--metrics must be HOST:PORT, not {address!r}")
    try:
        start_http_server(port, host)
    except OSError as error:
        raise CommandError(f"--metrics: cannot listen on {address}: {error.strerror}") from None
