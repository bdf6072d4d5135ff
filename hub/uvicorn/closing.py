"""Ends a connection whose client does not read the last bytes."""

from __future__ import annotations

import asyncio
from typing import Any

from hub import http_deadlines


def abort_unread(transport: Any) -> None:
    """Cuts the connection after a moment, if bytes wait for its client now: closing it would wait for them for ever."""
    if transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(http_deadlines.ABORT_S, transport.abort)
