"""`manage.py exportmosquitto` and a Mosquitto that runs with its files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from devices.models import Device
from devices.registry import devices
from tests.bridges.mosquitto.exported import Client, Exported, Exporter, signs_in
from tests.support.eventually import eventually
from tests.support.servers import ROOT, Part

WITHIN_S = 8.0
"""The database is checked every three seconds; the rest is room for a busy machine."""


def test_mosquitto_starts_with_its_files_and_no_secret_is_shown(broker: Exported) -> None:
    assert signs_in(broker, "pump", broker.secrets["pump"])
    assert signs_in(broker, "bridge", "bridge-secret")
    assert not signs_in(broker, "pump", "wrong")
    assert not signs_in(broker, "bridge", broker.secrets["pump"])
    for path in (broker.paths.conf, broker.paths.passwords, broker.paths.acl):
        assert path.stat().st_mode & 0o7 == 0
    texts = [broker.printed, *(path.read_text() for path in broker.paths.folder.iterdir() if path.is_file())]
    assert not any(secret in text for text in texts for secret in broker.secrets.values())


def test_watching_lets_a_new_device_in_and_cuts_a_replaced_secret_off(broker: Exported) -> None:
    broker.exporter.start()
    pump, valve = (Client(broker.port, uid, broker.secrets[uid]) for uid in ("pump", "valve"))
    assert pump.connect()
    assert valve.connect()
    tank = broker.create("tank")
    eventually(lambda: signs_in(broker, "tank", tank), WITHIN_S)
    new = broker.records.run(lambda: devices.rotate_secret(Device.objects.get(uid="pump")))
    assert pump.gone.wait(WITHIN_S)
    assert not signs_in(broker, "pump", broker.secrets["pump"])
    assert signs_in(broker, "pump", new)
    broker.records.run(lambda: Device.objects.get(uid="tank").delete())
    eventually(lambda: not signs_in(broker, "tank", tank), WITHIN_S)
    assert not valve.gone.is_set()
    assert broker.exporter.stop() == 0
    valve.close()


def test_watching_spares_a_process_that_reuses_the_process_id(broker: Exported) -> None:
    broker.stop()
    bystander = subprocess.Popen(["sleep", "60"])
    broker.paths.pid_file.write_text(f"{bystander.pid}\n")
    broker.exporter.READY = "another program"
    broker.exporter.start()
    assert bystander.poll() is None
    broker.start()  # the watcher reloads it as soon as it runs
    eventually(lambda: Exporter.READY in broker.exporter.output)
    bystander.kill()
    bystander.wait()


def test_without_a_bridge_password_it_names_the_places_for_one(tmp_path: Path) -> None:
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "MQTT_URL": ""}
    command = [*Part(tmp_path, ["manage.py", "exportmosquitto", str(tmp_path / "export")], {}).command()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "MQTT_URL" in done.stderr
    assert not (tmp_path / "export").exists()


def test_the_bridge_s_password_may_be_in_a_file(export: Callable[..., Exported], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    broker = export(f"--bridge-password-file={tmp_path / 'password'}")
    assert signs_in(broker, "bridge", "from a file")
    assert not signs_in(broker, "bridge", "bridge-secret")


def test_another_command_may_reload_mosquitto(broker: Exported) -> None:
    broker.exporter = Exporter(
        broker.folder,
        [*broker.exporter.command()[1:], f"--reload-command=touch {broker.folder / 'reloaded'}"],
        broker.exporter.settings,
    )
    broker.exporter.start()
    assert (broker.folder / "reloaded").exists()


def test_bridges_and_devices_cannot_have_one_port_unless_that_is_asked_for(tmp_path: Path) -> None:
    def run(*options: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DATA_DIR": str(tmp_path), "MQTT_URL": "mqtt://bridge:x@127.0.0.1:1883"}
        command = ["manage.py", "exportmosquitto", str(tmp_path / "export"), "--listener=127.0.0.1:1883", *options]
        return subprocess.run(
            Part(tmp_path, command, {}).command(), env=environment, capture_output=True, text=True, cwd=ROOT
        )

    done = run()
    assert done.returncode == 1
    assert "MQTT_URL names port 1883, where devices connect" in done.stderr
    assert "127.0.0.1:1884" in done.stderr
    assert not (tmp_path / "export").exists()
    assert "not allowed with" in run("--shared-listener", "--bridge-listener=127.0.0.1:1884").stderr


@pytest.mark.parametrize("listener", ["1883", "localhost", "localhost:0", "localhost:x", "a b\n:1883", "u@host:1883"])
def test_an_invalid_listener_is_refused(tmp_path: Path, listener: str) -> None:
    with pytest.raises(CommandError, match="--listener must be HOST:PORT"):
        call_command("exportmosquitto", str(tmp_path / "export"), f"--listener={listener}")
    assert not (tmp_path / "export").exists()
