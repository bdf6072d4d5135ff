"""Stores files in Django's default storage, which may be a folder or another server."""

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
    """Whether a full disk raised the error."""
    return isinstance(error, OSError) and error.errno in _FULL


def save(name: str, content: IO[bytes]) -> str:
    """Stores the content; returns the name that the storage gave it. Raises `Unavailable`, and then leaves nothing."""
    with _named_errors():
        try:
            return default_storage.save(name, File(content))
        except BaseException:
            with suppress(Exception):  # a full disk has stored a part
                default_storage.delete(name)
            raise


def read(name: str) -> File[Any]:
    """The open file, which the caller closes. Raises `NotFound` or `Unavailable`."""
    with _named_errors():
        return default_storage.open(name)


def delete(name: str) -> None:
    """Deletes the file. If the storage is unavailable, the error is logged and a later sweep deletes the file."""
    try:
        default_storage.delete(name)
    except Exception as error:
        logger.warning("a file of a removed message could not be deleted yet: %s", type(error).__name__)


def folders(below: str, depth: int) -> Iterator[str]:
    """The folders that are `depth` levels below the folder, if it exists. Raises `Unavailable`."""
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


def orphans(folder: str, known: set[str], before: datetime) -> list[str]:
    """Names of files in the folder that are not `known` and were last written before a time. Raises `Unavailable`."""
    with _named_errors():
        names = [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]
        return [name for name in names if name not in known and default_storage.get_modified_time(name) < before]


@contextmanager
def _named_errors() -> Iterator[None]:
    # A storage may raise any error.
    try:
        yield
    except FileNotFoundError:
        raise NotFound("the file no longer exists") from None
    except Exception as error:
        logger.error("files cannot be stored or read: %s: %s", type(error).__name__, error)
        reason = "there is no space left for files" if is_full(error) else "the file storage is unavailable"
        raise Unavailable(reason) from None
