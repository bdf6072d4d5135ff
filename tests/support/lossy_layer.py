"""A channel layer that loses what is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from channels.layers import get_channel_layer


@contextmanager
def lossy_layer(error: Exception | None = None) -> Iterator[None]:
    """Inside it the layer accepts events and does not deliver them, or fails with `error`. Listeners' probes pass."""
    layer = get_channel_layer()
    deliver = layer.group_send

    async def lose(group: str, message: dict[str, Any]) -> None:
        if "source" not in message:
            await deliver(group, message)
        elif error is not None:
            raise error

    layer.group_send = lose
    try:
        yield
    finally:
        del layer.group_send
