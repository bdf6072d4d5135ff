"""The layers of the code: hub -> dashboards | bridges -> devices, and each outside library has one owner."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
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


def test_the_code_respects_its_layers() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


FORBIDDEN_IMPORTS = [
    ("devices/values.py", "import bridges.codec"),
    ("bridges/codec/values.py", "def late() -> None:\n    import dashboards.apps"),
    ("dashboards/apps.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import bridges.codec"),
    ("dashboards/apps.py", "import hub.env"),
    ("devices/channel/groups.py", "import django"),
    ("devices/log/entries.py", "import devices.rooms.posting"),
    ("devices/commands/lifecycle.py", "import devices.availability.checks"),
    ("devices/access.py", "import aiomqtt"),
    ("bridges/ingest/pipeline.py", "import paho.mqtt.client"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter reports once all these imports are in the code."""
    folder = tmp_path_factory.mktemp("code")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for file, line in FORBIDDEN_IMPORTS:
        with (folder / file).open("a") as source:
            source.write(f"\n{line}\n")
    done = lint(folder)
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.mark.parametrize(("file", "line"), FORBIDDEN_IMPORTS)
def test_an_import_against_the_layers_is_found(found: str, file: str, line: str) -> None:
    importer = file.removesuffix(".py").replace("/", ".")
    imported = line.rpartition("import ")[2]
    package = imported.split(".")[0]
    assert re.search(rf"{re.escape(importer)} -> ({re.escape(imported)}|{package})\b", found), found


JAVASCRIPT = ROOT / "dashboards" / "static" / "dashboards" / "js"
IMPORT = re.compile(r"""(?:from|import\(?)\s*"\.\./(\w+)/""")
"""An import from another folder: static, dynamic, or only of types."""


def imported_folders(folder: Path) -> set[str]:
    return {name for file in folder.iterdir() for name in IMPORT.findall(file.read_text())}


def test_no_folders_of_the_javascript_import_each_other_in_a_circle() -> None:
    folders = {folder.name: imported_folders(folder) for folder in JAVASCRIPT.iterdir()}
    assert {"live", "shell"} < folders["pages"]
    TopologicalSorter(folders).prepare()  # raises CycleError with the circle
