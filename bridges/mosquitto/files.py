"""Writes files that Mosquitto may be reading at the same time."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MODE = 0o640
"""The hub may write, Mosquitto may read through the group, nobody else may do either."""
FOLDER_MODE = 0o750
PASSAGE_MODE = 0o755
DATA_MODE = 0o770
"""Mosquitto writes there, through the group if it runs as another user."""


def make_folder(path: Path, mode: int) -> None:
    """Creates the folder with this mode, whatever the umask. An existing folder is left as it is.

    Missing folders above it are created so that Mosquitto's user may pass through them.
    """
    above = [folder for folder in path.parents if not folder.exists()]
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        return
    for folder in above:
        folder.chmod(PASSAGE_MODE)
    path.chmod(mode)
    _copy_owner(path.parent, path)


def write(path: Path, text: str) -> None:
    """Replaces the file atomically: a reader sees either the whole old text or the whole new one.

    The file gets the group of its folder, and the folder's owner if we are root. That way a Mosquitto that runs as
    another user can read a file that nobody else may read. Raises `OSError`.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # has mode 0600 until it is complete
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # otherwise a power cut may leave an empty file under the new name
        _copy_owner(path.parent, temporary)
        temporary.chmod(MODE)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _copy_owner(source: Path, target: Path) -> None:
    wanted, current = source.stat(), target.stat()
    owner = wanted.st_uid if os.geteuid() == 0 else current.st_uid
    if (current.st_uid, current.st_gid) != (owner, wanted.st_gid):
        os.chown(target, owner, wanted.st_gid)
