"""A browser in front of the proxy: cookies, CSRF token, Origin, TLS; and a device behind it."""

from __future__ import annotations

import json
import queue
import re
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt

from tests.support.viewer import Viewer

HOST = "hub.test"
ORIGIN = f"https://{HOST}"
WAIT_S = 30
"""How long anything may take on a slow machine."""


def make_certificate(folder: Path, address: str) -> None:
    """Writes `server.pem` and `server.key`, self-signed, for `HOST` and the address."""
    names = f"subjectAltName=DNS:{HOST},IP:{address}"
    files = ["-keyout", str(folder / "server.key"), "-out", str(folder / "server.pem")]
    options = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        f"/CN={HOST}",
    ]
    subprocess.run(["openssl", "req", "-x509", *options, "-addext", names, *files], check=True, capture_output=True)


def secret_in(page: str) -> str:
    [secret] = set(re.findall(r"-P (\S+) ", page))
    return secret


class Browser:
    """The browser of one person, who signs in through the page."""

    def __init__(self, address: str, folder: Path) -> None:
        self.url = f"https://{address}:8443"
        self.tls = ssl.create_default_context(cafile=folder / "server.pem")
        self._address = address
        self.own_address = address.rsplit(".", 1)[0] + ".200"  # different from the proxy's
        self.http = httpx.Client(
            base_url=self.url,
            transport=httpx.HTTPTransport(verify=self.tls, local_address=self.own_address),
            headers={"Host": HOST},
            timeout=WAIT_S,
        )

    def sign_in(self, username: str, password: str) -> httpx.Response:
        page = self.http.get("/login/")
        assert page.status_code == 200
        return self.submit("/login/", username=username, password=password)

    def submit(self, path: str, **fields: str) -> httpx.Response:
        """Sends the page's form as a browser does."""
        fields["csrfmiddlewaretoken"] = self.http.cookies["csrftoken"]
        headers = {"Origin": ORIGIN, "Referer": f"{ORIGIN}{path}"}
        return self.http.post(path, data=fields, headers=headers)

    def add_device(self, uid: str) -> str:
        """The page that shows the secret of a new device."""
        page = self.http.get("/add-device/").text
        [space] = set(re.findall(r'<option value="(\d+)"', page) or re.findall(r'name="space" value="(\d+)"', page))
        shown = self.submit("/add-device/", uid=uid, name=uid, space=space)
        assert shown.status_code == 200, shown.text
        return shown.text

    def live(self, origin: str = ORIGIN) -> Viewer:
        """A WebSocket of the page."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        return Viewer(
            ORIGIN,
            token="",
            host=self._address,
            port=8443,
            ssl=self.tls,
            origin=origin,
            additional_headers={"Cookie": cookies},
            open_timeout=WAIT_S,
        )


class Device:
    """Publishes with QoS 1 and answers each command with its arguments."""

    def __init__(self, address: str, uid: str, secret: str, client_id: str = "", tls: ssl.SSLContext | None = None):
        """`tls`: connects to the proxy, over WebSocket."""
        self.uid = uid
        self._connected: queue.Queue[bool] = queue.Queue()
        self.disconnections = 0
        transport = "websockets" if tls else "tcp"
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id or uid, transport=transport)
        self._client.username_pw_set(uid, secret)
        if tls is not None:
            self._client.tls_set_context(tls)
            self._client.ws_set_options(path="/mqtt", headers={"Host": HOST, "Origin": ORIGIN})
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect
        self._client.connect_async(address, 8443 if tls else 1883)
        self._client.loop_start()

    def await_connection(self) -> None:
        """Returns once the broker has accepted the device, however often it refused before."""
        while not self.is_accepted():
            pass

    def is_accepted(self) -> bool:
        """The broker's answer to the next attempt to connect."""
        return self._connected.get(timeout=WAIT_S)

    def publish(self, **values: Any) -> None:
        """Returns once the broker has acknowledged it."""
        sent = self._client.publish(f"devices/{self.uid}/telemetry", json.dumps(values), qos=1)
        sent.wait_for_publish(WAIT_S)
        assert sent.is_published()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if not reason.is_failure:
            client.subscribe(f"devices/{self.uid}/commands/+", qos=1)
        self._connected.put(not reason.is_failure)

    def _on_disconnect(self, *_: object) -> None:
        self.disconnections += 1

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        id = message.topic.rsplit("/", 1)[1]
        answer = {"ok": True, "result": json.loads(message.payload)["args"]}
        client.publish(f"devices/{self.uid}/answers/{id}", json.dumps(answer), qos=1)
