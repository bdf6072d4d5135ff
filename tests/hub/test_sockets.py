from __future__ import annotations

import socket

import pytest

from hub import sockets
from tests.support.ports import free_port


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux's own")
def test_a_connection_whose_network_is_gone_is_given_up() -> None:
    with sockets.bind("127.0.0.1", free_port(), "PORT") as listening:
        listening.setblocking(True)
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
            with accepted:
                timeout_ms = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert timeout_ms == sockets.GONE_S * 1000


def test_a_port_that_is_taken_names_the_setting_to_change() -> None:
    port = free_port()
    with sockets.bind("127.0.0.1", port, "MQTT_PORT"), pytest.raises(sockets.PortTaken, match="set MQTT_PORT"):
        sockets.bind("127.0.0.1", port, "MQTT_PORT")
