"""Brokers whose viewers are MQTT clients over WebSocket: Mosquitto and the NATS server. Nothing is stored for long."""

from __future__ import annotations

from pathlib import Path

from tests.support.ports import free_port
from tests.support.servers import Server, find

_MOSQUITTO = """\
listener {port} 127.0.0.1
listener {web} 127.0.0.1
protocol websockets
set_tcp_nodelay true
allow_anonymous true
persistence false
max_queued_messages 100000
max_inflight_messages 0
{user}
"""

_NATS = """\
server_name: bench
host: 127.0.0.1
port: {nats}
jetstream {{ store_dir: "{folder}" }}
mqtt {{ host: 127.0.0.1, port: {port} }}
websocket {{ host: 127.0.0.1, port: {web}, no_tls: true }}
"""


class WebMosquitto(Server):
    """`port` takes MQTT, `web` MQTT over WebSocket. The queue of a viewer is a hundred times Mosquitto's own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.web = free_port()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.web}/"

    def command(self) -> list[str]:
        conf = self.folder / "web-mosquitto.conf"
        conf.write_text(_MOSQUITTO.format(port=self.port, web=self.web, user="user root"))
        return [find("mosquitto"), "-c", str(conf)]


class Nats(Server):
    """The NATS server, whose MQTT needs JetStream for its sessions."""

    READY = "Server is ready"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.web, self._nats = free_port(), free_port()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.web}/mqtt"

    def command(self) -> list[str]:
        conf = self.folder / "nats.conf"
        conf.write_text(_NATS.format(nats=self._nats, port=self.port, web=self.web, folder=self.folder / "jetstream"))
        return [find("nats-server"), "-c", str(conf)]
