from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from bridges.mqtt import brokers
from hub import banner
from hub.demo import Demo


@pytest.mark.parametrize(
    ("bridges", "devices", "options"),
    [
        ("mqtt://bridge:secret@10.0.0.2", "", "-h 10.0.0.2 -p 1883 -u"),
        ("mqtts://bridge:secret@10.0.0.2", "", "-h 10.0.0.2 -p 8883 --capath /etc/ssl/certs -u"),
        ("mqtts://10.0.0.2?ca=/etc/hub/ca.pem", "", "-h 10.0.0.2 -p 8883 --cafile /etc/hub/ca.pem -u"),
        ("mqtt://bridge:secret@10.0.0.2", "mqtts://mqtt.example.org:8884", "-h mqtt.example.org -p 8884 --capath"),
    ],
)
def test_the_example_fits_the_broker_that_devices_reach(
    settings: Any, tmp_path: Path, bridges: str, devices: str, options: str
) -> None:
    settings.BROKERS = {"main": bridges}
    settings.PUBLIC_BROKERS = {"main": devices} if devices else {}
    demo = Demo(None, tmp_path / "password", "0123", tmp_path / "secret")
    line = banner.publish_line(demo, brokers.published(), at_terminal=True)
    assert options in line
    assert "bridge" not in line
    assert subprocess.run(["sh", "-n", "-c", line], check=False).returncode == 0
