from __future__ import annotations

import time

from dashboards.live.rates import PING_BURST, ControlRate
from hub.daphne.websocket import LiveProtocol


def test_a_client_that_is_being_closed_is_not_read_for_long() -> None:
    """One that was turned away and goes on pinging took half of the event loop's time until it was gone."""
    protocol = LiveProtocol()
    protocol.state = LiveProtocol.STATE_CLOSING
    protocol.failedByMe = False
    protocol._control = ControlRate(time.monotonic, PING_BURST)
    for _ in range(PING_BURST):
        protocol.onPing(b"")
    assert not protocol.failedByMe
    protocol.onPing(b"")
    assert protocol.failedByMe
    protocol.data = b"more"
    assert not protocol.processData()
    assert protocol.data == b""
