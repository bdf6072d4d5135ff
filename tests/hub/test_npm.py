from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.npm import ALLOWED, NpmFinder


@pytest.fixture
def finder(tmp_path: Path, settings: Any) -> NpmFinder:
    """Over a `node_modules` that holds the first allowed file and others beside it."""
    settings.BASE_DIR = tmp_path
    for name in (ALLOWED[0], f"{ALLOWED[0]}.bak", "left-pad/index.js", "uplot/package.json"):
        file = tmp_path / "node_modules" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    (tmp_path / "secret").write_text("x")
    return NpmFinder()


def test_an_allowed_file_is_found_below_vendor(finder: NpmFinder, tmp_path: Path) -> None:
    expected = str(tmp_path / "node_modules" / ALLOWED[0])
    assert finder.find(f"vendor/{ALLOWED[0]}") == expected
    assert finder.find(f"vendor/{ALLOWED[0]}", find_all=True) == [expected]


@pytest.mark.parametrize(
    "path",
    [
        ALLOWED[0],
        f"vendor/{ALLOWED[0]}.bak",
        "vendor/left-pad/index.js",
        "vendor/uplot/package.json",
        "vendor/../secret",
        f"vendor/bootstrap/../{ALLOWED[0]}",
        "vendor/",
        "",
        f"vendor/vendor/{ALLOWED[0]}",
    ],
)
def test_nothing_else_is_found(finder: NpmFinder, path: str) -> None:
    assert not finder.find(path)
    assert finder.find(path, find_all=True) == []


def test_an_allowed_file_that_is_not_installed_is_not_found(finder: NpmFinder) -> None:
    assert not finder.find(f"vendor/{ALLOWED[1]}")


def test_the_list_holds_the_allowed_files_that_are_there(finder: NpmFinder) -> None:
    [(name, storage)] = finder.list(None)
    assert name == ALLOWED[0]
    assert storage.exists(name)
    assert storage.prefix == "vendor"  # type: ignore[attr-defined]


def test_nothing_allowed_leads_out_of_its_package() -> None:
    for name in ALLOWED:
        assert ".." not in Path(name).parts
        assert not Path(name).is_absolute()
