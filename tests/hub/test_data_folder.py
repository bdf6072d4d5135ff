from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub.data_folder import make_private
from hub.env import EnvError


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_missing_folder_is_created_for_its_owner_only(tmp_path: Path) -> None:
    make_private(tmp_path / "state" / "data")
    assert mode(tmp_path / "state" / "data") == 0o700


@pytest.mark.parametrize("sign", ["secret_key", "hubbub.sqlite3", None])
def test_an_open_folder_of_the_hub_is_closed(tmp_path: Path, sign: str | None) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    if sign:
        (folder / sign).touch()
        (folder / sign).chmod(0o644)
    make_private(folder)
    assert mode(folder) == 0o700
    assert not sign or mode(folder / sign) == 0o600


@pytest.mark.parametrize("name", ["hubbub.sqlite3", "broker.sqlite3", "broker.damaged-wal"])
def test_a_database_in_a_private_folder_is_closed_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    (tmp_path / name).chmod(0o644)
    tmp_path.chmod(0o700)
    make_private(tmp_path)
    assert mode(tmp_path / name) == 0o600


@pytest.mark.parametrize("permissions", [0o755, 0o750, 0o1777])
def test_a_folder_that_others_use_as_well_is_refused_and_left_as_it_is(tmp_path: Path, permissions: int) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / ("secret_key" if permissions & 0o1000 else "letter")).touch()
    folder.chmod(permissions)
    with pytest.raises(EnvError, match=f"^DATA_DIR: other users of this machine may enter {folder}: chmod 700 it"):
        make_private(folder)
    assert mode(folder) == permissions


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvError, match=r"^DATA_DIR: .*/file/data cannot be created: "):
        make_private(tmp_path / "file" / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may change the folder of anybody")
def test_an_open_folder_of_another_user_is_refused() -> None:
    with pytest.raises(EnvError):
        make_private(Path("/usr"))
