"""`manage.py exportmosquitto` and the Mosquitto that runs with what it writes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.bridges.mosquitto.exported import Client, Exported, Exporter, eventually, signs_in
from tests.support.servers import Part

WITHIN_S = 8.0
"""A check of the database every three seconds, and room for a busy machine."""

CHANGE = """
from devices.models import Device
from devices.registry import devices
"""


def test_it_writes_what_mosquitto_starts_with_and_shows_no_secret(broker: Exported) -> None:
    assert signs_in(broker, "pump", broker.secrets["pump"])
    assert signs_in(broker, "bridge", "bridge-secret")
    assert not signs_in(broker, "pump", "wrong")
    assert not signs_in(broker, "bridge", broker.secrets["pump"])
    for path in (broker.layout.conf, broker.layout.passwords, broker.layout.acl):
        assert path.stat().st_mode & 0o7 == 0
    texts = [broker.printed, *(path.read_text() for path in broker.layout.folder.iterdir() if path.is_file())]
    assert not any(secret in text for text in texts for secret in broker.secrets.values())


def test_watching_lets_a_new_device_in_and_cuts_a_replaced_secret_off(broker: Exported) -> None:
    broker.exporter.start()
    pump, valve = (Client(broker.port, uid, broker.secrets[uid]) for uid in ("pump", "valve"))
    assert pump.connect()
    assert valve.connect()
    tank = broker.create("tank")
    assert eventually(lambda: signs_in(broker, "tank", tank), WITHIN_S)
    new = broker.shell(f"{CHANGE}print(devices.rotate_secret(Device.objects.get(uid='pump')))").strip()
    assert pump.gone.wait(WITHIN_S)
    assert not signs_in(broker, "pump", broker.secrets["pump"])
    assert signs_in(broker, "pump", new)
    broker.shell(f"{CHANGE}Device.objects.get(uid='tank').delete()")
    assert eventually(lambda: not signs_in(broker, "tank", tank), WITHIN_S)
    assert not valve.gone.is_set()
    assert broker.exporter.stop() == 0
    valve.close()


def test_watching_spares_a_process_that_took_over_the_number(broker: Exported) -> None:
    broker.stop()
    bystander = subprocess.Popen(["sleep", "60"])
    broker.layout.pid_file.write_text(f"{bystander.pid}\n")
    broker.exporter.READY = "another program"
    broker.exporter.start()
    assert bystander.poll() is None
    broker.start()  # and goes on as soon as there is a Mosquitto
    assert eventually(lambda: Exporter.READY in broker.exporter.output)
    bystander.kill()
    bystander.wait()


def test_without_a_bridge_password_it_says_where_one_can_be(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("listener", ["1883", "localhost", "localhost:0", "localhost:x", "a b\n:1883", "u@host:1883"])
def test_a_listener_that_cannot_be_is_refused(tmp_path: Path, listener: str) -> None:
    with pytest.raises(CommandError, match="--listener must be HOST:PORT"):
        call_command("exportmosquitto", str(tmp_path / "export"), f"--listener={listener}")
    assert not (tmp_path / "export").exists()
