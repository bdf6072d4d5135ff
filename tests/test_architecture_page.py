"""The architecture page names files and packages; each of them must exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
SCRIPTS = ROOT / "dashboards" / "static" / "dashboards" / "js"
NAMED = sorted(set(re.findall(r"`((?:hub|bridges|dashboards|devices|js)/[\w/.]+)`", PAGE.read_text())))


def test_the_page_names_files_of_every_package() -> None:
    assert {name.partition("/")[0] for name in NAMED} == {"hub", "bridges", "dashboards", "devices", "js"}


@pytest.mark.parametrize("name", NAMED)
def test_what_the_architecture_page_names_exists(name: str) -> None:
    package, _, rest = name.partition("/")
    assert (SCRIPTS / rest if package == "js" else ROOT / name).exists()
