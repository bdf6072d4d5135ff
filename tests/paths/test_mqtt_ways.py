"""Ways to the broker besides plain TCP: TLS and WebSocket; and what a device finds after the hub was killed."""

from __future__ import annotations

import queue
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from bridges.broker.state_file import StateFile
from devices.models import Reading
from tests.support.browser import Chromium
from tests.support.certificates import CertificateFiles, make_certificate
from tests.support.data_folder import Credentials
from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.ports import free_port
from tests.support.servers import ROOT
from tests.support.stack import Stack

WAIT_S = 20
VALUES = b'{"temperature": 21.5}'


class Device:
    """A device on paho that stays connected."""

    def __init__(self, credentials: Credentials, port: int, **options: Any) -> None:
        tls: Path | None = options.pop("tls", None)
        self.messages: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self.topics = f"devices/{credentials.uid}"
        connected: queue.Queue[tuple[str, bool]] = queue.Queue()
        self._subscribed: queue.Queue[None] = queue.Queue()
        self.paho = mqtt.Client(CallbackAPIVersion.VERSION2, **{"client_id": credentials.uid, **options})
        self.paho.username_pw_set(credentials.uid, credentials.secret)
        if options.get("transport") == "websockets":
            self.paho.ws_set_options(path="/mqtt")
        if tls is not None:
            self.paho.tls_set_context(ssl.create_default_context(cafile=tls))
        self.paho.on_connect = lambda _c, _u, flags, code, _p: connected.put((str(code), flags.session_present))
        self.paho.on_message = lambda _c, _u, message: self.messages.put(message)
        self.paho.on_subscribe = lambda *_: self._subscribed.put(None)
        self.paho.connect("localhost" if tls else "127.0.0.1", port)
        self.paho.loop_start()
        self.answer, self.session_present = connected.get(timeout=WAIT_S)

    def publish(self, kind: str, payload: bytes, *, retain: bool = False) -> None:
        self.paho.publish(f"{self.topics}/{kind}", payload, 1, retain).wait_for_publish(WAIT_S)

    def subscribe(self) -> None:
        self.paho.subscribe(f"{self.topics}/#", 1)
        self._subscribed.get(timeout=WAIT_S)

    def leave(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, certificate: CertificateFiles, tls_port: int) -> Iterator[RunningHub]:
    settings = {
        "MQTT_TLS_PORT": str(tls_port),
        "MQTT_TLS_CERT": str(certificate.cert),
        "MQTT_TLS_KEY": str(certificate.key),
    }
    with_tls = RunningHub(tmp_path_factory.mktemp("hub"), **settings)
    with_tls.start()
    yield with_tls
    assert with_tls.stop() == 0, with_tls.output


def readings(hub: RunningHub | Stack, uid: str) -> int:
    return hub.records.run(Reading.objects.filter(metric__device__uid=uid).count)


@pytest.mark.parametrize("protocol", [mqtt.MQTTv311, mqtt.MQTTv5])
def test_over_websocket(hub: RunningHub, protocol: int) -> None:
    credentials = hub.create_device(f"ws-{protocol}")
    device = Device(credentials, hub.port, transport="websockets", protocol=protocol)
    assert device.answer == "Success"
    device.publish("telemetry", VALUES)
    assert readings(hub, credentials.uid) == 1
    device.subscribe()
    device.publish("attributes", b'{"model": "' + b"x" * 130_000 + b'"}')
    assert len(device.messages.get(timeout=WAIT_S).payload) == 130_013
    device.leave()


def test_over_tls(hub: RunningHub, certificate: CertificateFiles, tls_port: int) -> None:
    credentials = hub.create_device("tls")
    device = Device(credentials, tls_port, tls=certificate.cert, protocol=mqtt.MQTTv5)
    device.publish("telemetry", VALUES)
    assert readings(hub, "tls") == 1
    device.leave()


def test_a_page_of_another_origin_and_a_socket_that_is_not_mqtt_are_refused(hub: RunningHub) -> None:
    url = f"ws://127.0.0.1:{hub.port}/mqtt"
    for options in ({"origin": Origin("http://elsewhere.example"), "subprotocols": [Subprotocol("mqtt")]}, {}):
        with pytest.raises(InvalidStatus, match="403"), connect(url, **options):
            pass
    own = Origin(f"http://localhost:{hub.port}")
    with connect(url, origin=own, subprotocols=[Subprotocol("mqtt")]) as socket:
        assert socket.subprotocol == "mqtt"


def test_after_the_hub_was_killed_a_device_finds_its_session_and_what_is_retained(hub: RunningHub) -> None:
    credentials = hub.create_device("survivor")
    device = Device(credentials, hub.mqtt_port, clean_session=False)
    device.subscribe()
    device.publish("status", b"online", retain=True)
    device.leave()
    other = Device(credentials, hub.mqtt_port, protocol=mqtt.MQTTv5, client_id="other")
    for number in range(3):
        other.publish("custom", b"%d" % number)
    other.leave()
    state = StateFile(hub.folder / "data" / "broker.sqlite3")
    eventually(lambda: sum(map(len, state.load().messages.values())) == 3)
    state.close()
    hub.kill()
    hub.start()
    back = Device(credentials, hub.mqtt_port, clean_session=False)
    assert back.session_present
    assert [back.messages.get(timeout=WAIT_S).payload for _ in range(3)] == [b"0", b"1", b"2"]
    late = Device(credentials, hub.port, transport="websockets", protocol=mqtt.MQTTv5, client_id="late")
    late.subscribe()
    message = late.messages.get(timeout=WAIT_S)
    assert (message.payload, message.retain) == (b"online", True)
    for each in (back, late):
        each.leave()


def test_web_servers_of_a_hub_with_another_broker_pass_the_bytes_on(tmp_path: Path) -> None:
    stack = Stack(tmp_path, uids=["lathe"], webs=("daphne", "uvicorn"))
    stack.webs[0].settings["MQTT_WEBSOCKET_URL"] = stack.mosquitto.url()
    with stack:
        for number, web in enumerate(stack.webs, 1):
            device = Device(stack.devices[0], web.port, transport="websockets", protocol=mqtt.MQTTv5)
            assert device.answer == "Success"
            device.publish("attributes", b'{"model": "' + b"x" * 130_000 + b'"}')
            device.publish("telemetry", VALUES)
            device.leave()
            eventually(partial(_has_stored, stack, number))


def _has_stored(stack: Stack, count: int) -> bool:
    return readings(stack, "lathe") >= count


CONNECT_AND_PUBLISH = """
async ([uid, secret, protocolVersion, size]) => {
  const protocolId = protocolVersion === 3 ? "MQIsdp" : "MQTT";
  const options = {username: uid, password: secret, clientId: `${uid}-${protocolVersion}`, protocolId, protocolVersion};
  const client = await mqtt.connectAsync(`ws://${location.host}/mqtt`, {...options, reconnectPeriod: 0});
  const arrived = new Promise((resolve) => client.on("message", (topic, payload) => resolve(payload.length)));
  await client.subscribeAsync(`devices/${uid}/custom`, {qos: 1});
  await client.publishAsync(`devices/${uid}/custom`, "x".repeat(size), {qos: 2});
  await client.publishAsync(`devices/${uid}/telemetry`, '{"temperature": 21.5}', {qos: 1});
  const length = await arrived;
  await client.endAsync();
  return length;
}
"""


@pytest.mark.parametrize("version", [3, 4, 5])
def test_mqtt_js_in_a_browser(hub: RunningHub, browser: Chromium, version: int) -> None:
    credentials = hub.create_device(f"browser-{version}")
    context = browser.context(hub.url, bypass_csp=True)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.add_script_tag(path=str(ROOT / "node_modules/mqtt/dist/mqtt.min.js"))
    size = 60_000 if version == 3 else 120_000
    assert page.evaluate(CONNECT_AND_PUBLISH, [credentials.uid, credentials.secret, version, size]) == size
    assert readings(hub, credentials.uid) == 1
    browser.release(context, hub.url)
