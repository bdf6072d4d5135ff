"""The data folder: nobody but its owner may enter it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hub.env import EnvError

OPEN = stat.S_IRWXG | stat.S_IRWXO
"""The permissions of other users."""
_SIGNS = ("secret_key", "hubbub.sqlite3", "runhub.lock", "files")
"""A folder with one of these is the hub's own."""
_DATABASES = ("hubbub.sqlite3", "broker.sqlite3", "broker.damaged")
_PRIVATE = (*(f"{name}{suffix}" for name in _DATABASES for suffix in ("", "-wal", "-shm")), "secret_key")


def make_private(folder: Path) -> None:
    """Creates the folder for its owner only, and closes one of an earlier version that is open to other users.

    Raises `EnvError` for an open folder that may belong to other programs too, such as `/tmp`, or that cannot be
    closed: whoever can read it has the passwords' hashes and can sign a login for anybody.
    """
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        if not folder.is_dir():
            raise EnvError(f"DATA_DIR: {folder} cannot be created: {error.strerror}") from None
    if folder.stat().st_mode & OPEN and not (_is_own(folder) and _close(folder, 0o700)):
        raise EnvError(
            f"DATA_DIR: other users of this machine may enter {folder}: chmod 700 it, or name a folder of its own"
        )
    for name in _PRIVATE:
        if (file := folder / name).is_file() and file.stat().st_mode & OPEN:
            _close(file, 0o600)


def _is_own(folder: Path) -> bool:
    status = folder.stat()
    if status.st_mode & stat.S_ISVTX or os.geteuid() not in (0, status.st_uid):
        return False
    return any((folder / name).exists() for name in _SIGNS) or not any(folder.iterdir())


def _close(path: Path, mode: int) -> bool:
    try:
        path.chmod(mode)
    except OSError:
        return False
    return True
