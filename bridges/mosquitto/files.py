"""Files that Mosquitto reads while we replace them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MODE = 0o640
"""Ours to write, Mosquitto's to read through the group, closed to everybody else."""
FOLDER_MODE = 0o750
DATA_MODE = 0o770
"""Mosquitto writes there, by the group where it is another user."""


def make_folder(path: Path, mode: int) -> None:
    """Makes the folder with this mode, whatever the umask; one that exists is left as its owner made it."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        return
    path.chmod(mode)
    _belong_as(path, path.parent)


def write(path: Path, text: str) -> None:
    """Replaces the file at once: a reader sees all of the old text or all of the new.

    The file belongs to the group of its folder, and to the folder's owner where we are root. That is how a Mosquitto
    that runs as a user of its own can read what is closed to everybody else. Raises `OSError`.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600 until it is complete
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name with no content
        _belong_as(temporary, path.parent)
        temporary.chmod(MODE)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _belong_as(path: Path, model: Path) -> None:
    is_, be = path.stat(), model.stat()
    owner = be.st_uid if os.geteuid() == 0 else is_.st_uid
    if (is_.st_uid, is_.st_gid) != (owner, be.st_gid):
        os.chown(path, owner, be.st_gid)
