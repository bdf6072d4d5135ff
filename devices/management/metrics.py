"""Serves `/metrics` for Prometheus in a process that serves no pages."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.management.base import CommandError, CommandParser
from prometheus_client import start_http_server


def add_option(parser: CommandParser) -> None:
    """Adds `--metrics` to a command."""
    parser.add_argument(
        "--metrics",
        dest="metrics_address",
        metavar="HOST:PORT",
        help="serve /metrics at this address, without authentication (default: do not serve it)",
    )


def serve(address: str | None) -> None:
    """Serves the counters in a thread for as long as the process lives; nothing if `address` is None.

    Raises `CommandError` for an address that is not valid or cannot be listened on.
    """
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
