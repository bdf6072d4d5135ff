"""The layers of the code: hub -> dashboards | bridges -> devices, each outside thing with one owner."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ROOT

PACKAGES = ("hub", "dashboards", "bridges", "devices")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [str(linter), "--config", str(folder / "pyproject.toml"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_the_code_keeps_to_its_layers() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("devices/values.py", "import bridges.codec"),
        ("bridges/codec.py", "def late() -> None:\n    import dashboards.apps"),
        ("dashboards/apps.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import bridges.codec"),
        ("dashboards/apps.py", "import hub.env"),
        ("devices/channel/groups.py", "import django"),
        ("devices/log/entries.py", "import devices.rooms.posting"),
        ("devices/commands/lifecycle.py", "import devices.availability.checks"),
        ("devices/access.py", "import aiomqtt"),
        ("bridges/pipeline.py", "import paho.mqtt.client"),
    ],
)
def test_an_import_against_them_is_found(tmp_path: Path, file: str, line: str) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as source:
        source.write(f"\n{line}\n")
    assert lint(tmp_path).returncode == 1
