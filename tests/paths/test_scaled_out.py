"""The parts as separate processes: Mosquitto, Redis, a bridge, a web server on Daphne and one on uvicorn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.paths.test_protocol_examples import EXAMPLES
from tests.support.hub import RunningHub
from tests.support.servers import Bridge
from tests.support.stack import Stack, WebServer
from tests.support.viewer import Viewer


class ScaledOut(Stack):
    """A stack with both web servers and the device of docs/protocol/mqtt.md."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, uids=["lathe"], webs=("daphne", "uvicorn"))
        [self.device] = self.devices

    def view(self, web: WebServer) -> Viewer:
        return Viewer(web.url, self.token)


@pytest.fixture(scope="module")
def scaled_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScaledOut]:
    with ScaledOut(tmp_path_factory.mktemp("scaled")) as found:
        yield found


@pytest.fixture
def lathe(scaled_out: ScaledOut) -> Iterator[subprocess.Popen[str]]:
    """The device of docs/protocol/mqtt.md, connected to Mosquitto."""
    environment = {
        **os.environ,
        "MQTT_PORT": str(scaled_out.mosquitto.port),
        "DEVICE_UID": scaled_out.device.uid,
        "DEVICE_SECRET": scaled_out.device.secret,
    }
    process = subprocess.Popen([sys.executable, "-c", EXAMPLES["device"]], env=environment, text=True)
    yield process
    process.kill()
    process.wait()


def test_viewers_of_both_web_servers_receive_the_same_telemetry(
    scaled_out: ScaledOut, lathe: subprocess.Popen[str]
) -> None:
    with scaled_out.view(scaled_out.daphne) as one, scaled_out.view(scaled_out.uvicorn) as other:
        one.subscribe("device:lathe")
        other.subscribe("device:lathe")
        seen = {json.dumps(one.telemetry("lathe")) for _ in range(4)}
        assert any(json.dumps(other.telemetry("lathe")) in seen for _ in range(4))


def test_the_answer_to_a_command_reaches_the_viewers_of_both_web_servers(
    scaled_out: ScaledOut, lathe: subprocess.Popen[str]
) -> None:
    with scaled_out.view(scaled_out.daphne) as one, scaled_out.view(scaled_out.uvicorn) as other:
        one.subscribe("device:lathe")
        other.subscribe("device:lathe")
        one.telemetry("lathe")  # the device is connected
        reply = one.request("command", device="lathe", name="set", args={"speed": 70})
        id = reply["result"]["command"]
        for viewer in (one, other):
            assert viewer.push("command", id=id, status="succeeded")["result"] == {"speed": 70}


def test_a_hub_in_one_process_can_use_external_servers(scaled_out: ScaledOut, tmp_path: Path) -> None:
    """`runhub` with REDIS_URL and MQTT_URL uses these servers instead of embedded ones."""
    settings = {name: scaled_out.settings[name] for name in ("REDIS_URL", "MQTT_URL")}
    hub = RunningHub(tmp_path, DEMO="1", **settings)
    hub.start()
    answer = httpx.get(f"{hub.url}/readyz", timeout=20).json()
    assert {name: part["ok"] for name, part in answer.items()} == {"database": True, "layer": True, "broker": True}
    assert f"-p {scaled_out.mosquitto.port}" in hub.output
    assert "secret" not in hub.output.replace("my-device.secret", "").replace(f"-P {_secret(hub)}", "")
    code = hub.stop()
    assert code == 0, hub.output


def test_a_separate_bridge_reports_which_server_setting_is_missing(tmp_path: Path) -> None:
    for missing in ("MQTT_URL", "REDIS_URL"):
        settings = {"MQTT_URL": "mqtt://127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1", "DATA_DIR": str(tmp_path)}
        bridge = Bridge(tmp_path, {**settings, missing: ""})
        done = subprocess.run(bridge.command(), env=bridge.environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert missing in done.stderr


def _secret(hub: RunningHub) -> str:
    return (hub.folder / "data" / "my-device.secret").read_text()
