"""Where files are kept: Django's default storage, which may be a folder or a server elsewhere."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import default_storage

from devices.errors import NotFound, Unavailable

logger = logging.getLogger("hubbub.files")

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full(error: Exception) -> bool:
    """Whether a disk says so that it takes no more."""
    return isinstance(error, OSError) and error.errno in _FULL


def keep(name: str, content: IO[bytes]) -> str:
    """Stores the content and returns the name that it has there. Raises `Unavailable`, and leaves nothing then."""
    with _named_errors():
        try:
            return default_storage.save(name, File(content))
        except BaseException:
            with suppress(Exception):  # a disk that is full keeps the part that it took
                default_storage.delete(name)
            raise


def read(name: str) -> File[Any]:
    """The file, to be closed. Raises `NotFound` or `Unavailable`."""
    with _named_errors():
        return default_storage.open(name)


def drop(name: str) -> None:
    """Deletes the file, now, or where the storage is away once a sweep comes by."""
    try:
        default_storage.delete(name)
    except Exception as error:
        logger.warning("a file of a removed message could not be deleted yet: %s", type(error).__name__)


def folders(below: str, depth: int) -> Iterator[str]:
    """The folders that are `depth` levels below; none where nothing was ever kept there. Raises `Unavailable`."""
    if depth == 0:
        yield below
        return
    try:
        with _named_errors():
            inner, _ = default_storage.listdir(below)
    except NotFound:
        return
    for folder in inner:
        yield from folders(f"{below}/{folder}", depth - 1)


def older_than(moment: datetime, folder: str, known: set[str]) -> list[str]:
    """Names in the folder that are not known and were last written before `moment`. Raises `Unavailable`."""
    with _named_errors():
        names = [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]
        return [name for name in names if name not in known and default_storage.get_modified_time(name) < moment]


@contextmanager
def _named_errors() -> Iterator[None]:
    """A storage raises what its maker likes."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound("the file is gone") from None
    except Exception as error:
        logger.error("files cannot be kept or read: %s: %s", type(error).__name__, error)
        reason = "there is no space left for files" if is_full(error) else "the storage of files is away"
        raise Unavailable(reason) from None
