"""The hub as its operator uses it: started and stopped in a shell."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import global_settings
from django.contrib.auth.models import User

from devices.models import Device, Space
from tests.support.hub import RunningHub
from tests.support.servers import ROOT, START_S, HubServer, find
from tests.support.viewer import Viewer

DATABASE_FILES = {f"hubbub.sqlite3{suffix}" for suffix in ("", "-wal", "-shm", ".locks")} | {
    f"broker.sqlite3{suffix}" for suffix in ("", "-wal", "-shm")
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub that is started for the first time."""
    server = RunningHub(tmp_path_factory.mktemp("hub"), is_fresh=True, DEMO_PASSWORD="")
    server.start()
    yield server
    code = server.stop()
    print(server.output)
    assert code == 0


def printed_line(output: str) -> str:
    found = re.search(r"^\s*(mosquitto_pub .*)$", output, re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_hub_prints_its_address_and_the_demo_users(hub: RunningHub) -> None:
    assert f"http://localhost:{hub.port}" in hub.output
    assert all(name in hub.output for name in ("alice", "bob", "carol", "mallory"))


def test_a_log_gets_the_names_of_private_files_instead_of_secrets(hub: RunningHub, settings: Any) -> None:
    for name in ("demo.password", "my-device.secret"):
        file = hub.folder / "data" / name
        assert str(file) in hub.output
        assert file.read_text().strip() not in hub.output
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # those of the hub
    password = (hub.folder / "data" / "demo.password").read_text().strip()
    assert hub.records.run(lambda: User.objects.get(username="alice").check_password(password))


def test_nobody_else_on_the_machine_may_read_what_the_hub_stores(hub: RunningHub) -> None:
    data = hub.folder / "data"
    assert {oct(path.stat().st_mode & 0o077) for path in (data, *data.rglob("*"))} == {"0o0"}
    assert (data / "hubbub.sqlite3-wal").exists()


def test_the_printed_mosquitto_pub_command_publishes(hub: RunningHub) -> None:
    find("mosquitto_pub")
    with Viewer(hub.url, hub.create_token("carol")) as viewer:
        assert viewer.subscribe("device:my-device")["latest"] == {}
        done = subprocess.run(printed_line(hub.output), shell=True, timeout=START_S, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert viewer.telemetry("my-device")["temperature"][0][1] == 21.5


def test_a_restarted_hub_keeps_its_data_and_secrets(tmp_path: Path) -> None:
    find("mosquitto_pub")
    first = RunningHub(tmp_path, is_fresh=True)
    first.start()
    token = first.create_token("alice")
    with Viewer(first.url, token) as viewer:
        viewer.subscribe("device:my-device")
        subprocess.run(printed_line(first.output), shell=True, check=True, timeout=START_S)
        viewer.telemetry("my-device")
    assert first.stop(signal.SIGTERM) == 0
    shown = len(first.output)

    first.start()
    again = printed_line(first.output[shown:])
    assert again == printed_line(first.output[:shown])
    with Viewer(first.url, token) as viewer:
        assert viewer.subscribe("device:my-device")["latest"]["temperature"][1] == 21.5
        subprocess.run(again.replace("21.5", "22.5"), shell=True, check=True, timeout=START_S)
        assert viewer.telemetry("my-device")["temperature"][0][1] == 22.5
    assert first.stop(signal.SIGINT) == 0


def test_without_the_demo_there_are_no_users_and_the_hub_names_the_command_that_creates_a_space(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path, is_fresh=True, DEMO="0")
    hub.start()
    try:
        assert "manage.py createspace SLUG --manager NAME" in hub.output
        assert (
            hub.records.run(lambda: (User.objects.count(), Space.objects.count(), Device.objects.count())) == (0,) * 3
        )
        assert {path.name for path in (tmp_path / "data").glob("*.*")} <= DATABASE_FILES | {"runhub.lock"}
    finally:
        assert hub.stop() == 0


@pytest.mark.parametrize("setting", ["PORT", "MQTT_PORT"])
def test_a_taken_port_is_reported_in_one_clear_line(hub: RunningHub, tmp_path: Path, setting: str) -> None:
    taken = hub.port if setting == "PORT" else hub.mqtt_port
    second = HubServer(tmp_path, **{setting: str(taken)})
    done = subprocess.run(second.command(), env=second.environment(), capture_output=True, text=True, timeout=START_S)
    assert done.returncode == 1
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert len(lines) == 1
    assert setting in lines[0].replace("MQTT_PORT", "" if setting == "PORT" else "MQTT_PORT")
    assert str(taken) in lines[0]


def test_an_invalid_setting_is_reported_in_one_clear_line(tmp_path: Path) -> None:
    done = subprocess.run(
        HubServer(tmp_path).command(),
        env={**os.environ, "DATA_DIR": str(tmp_path), "PORT": "eighty"},
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["hubbub: PORT must be a whole number from 1 to 65535, not 'eighty'"]


def test_a_weak_demo_password_is_reported_in_one_clear_line(tmp_path: Path) -> None:
    hub = HubServer(tmp_path, DEMO="1", DEMO_PASSWORD="password")
    done = subprocess.run(hub.command(), env=hub.environment(), capture_output=True, text=True, timeout=START_S)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["CommandError: DEMO_PASSWORD is too weak: This password is too common."]
    assert not (tmp_path / "data" / "hubbub.sqlite3").exists()


def test_a_device_s_secret_is_not_stored_in_the_data_folder(hub: RunningHub) -> None:
    """Only the file that was created for it contains a device's secret."""
    device = hub.create_device("secretive")
    for file in (hub.folder / "data").iterdir():
        if file.is_file():
            assert device.secret.encode() not in file.read_bytes(), file
    assert device.secret not in hub.output


def test_the_metrics_include_those_of_the_broker(hub: RunningHub) -> None:
    shown = httpx.get(f"{hub.url}/metrics").text
    assert 'hubbub_broker{count="accepted_logins"}' in shown
    assert "hubbub_messages_received_total" in shown


@pytest.mark.parametrize("framing", ["Content-Length: 50000000", "Transfer-Encoding: chunked"])
def test_a_large_body_is_refused_while_it_arrives(hub: RunningHub, framing: str) -> None:
    piece = b"x" * 65_536
    taken = 0
    with socket.create_connection(("127.0.0.1", hub.port), timeout=START_S) as client:
        client.sendall(f"POST /login/ HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n".encode())
        try:
            while taken < 50_000_000:
                client.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if "chunked" in framing else piece)
                taken += len(piece)
        except OSError:
            pass  # the hub has closed the connection
    assert taken < 25_000_000  # no more than the buffers of two sockets hold
    assert httpx.get(f"{hub.url}/healthz").status_code == 200


def test_a_too_large_message_does_not_block_its_device(hub: RunningHub) -> None:
    find("mosquitto_pub")
    device = hub.create_device("talkative")
    login = f"-p {hub.mqtt_port} -u {device.uid} -P {device.secret} -q 1 -t devices/talkative/telemetry"
    with Viewer(hub.url, hub.create_token("alice")) as viewer:
        viewer.subscribe("device:talkative")
        for payload in ('{"a": 1}' + " " * 131_072, '{"a": 2}'):
            command = f"mosquitto_pub {login} -s"
            subprocess.run(command, shell=True, input=payload, text=True, check=True, timeout=START_S)
        assert viewer.telemetry("talkative")["a"][0][1] == 2
    assert 'hubbub_messages_refused_total{reason="payload_too_large"} 1.0' in httpx.get(f"{hub.url}/metrics").text


def test_a_second_hub_on_the_same_data_folder_exits_with_an_error(hub: RunningHub, tmp_path: Path) -> None:
    other = RunningHub(tmp_path, DATA_DIR=hub.settings["DATA_DIR"])
    done = subprocess.run(
        other.command(), env=other.environment(), cwd=ROOT, capture_output=True, text=True, timeout=START_S
    )
    assert done.returncode == 1
    assert "a hub is already running on" in done.stderr
