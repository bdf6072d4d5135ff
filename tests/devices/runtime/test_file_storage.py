from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage

from devices.errors import NotFound, Unavailable
from devices.runtime import file_storage


def save(name: str) -> str:
    return file_storage.save(name, BytesIO(b"content"))


def test_a_saved_file_is_read_until_it_is_deleted() -> None:
    name = save("rooms/a/b/file")
    with file_storage.read(name) as file:
        assert file.read() == b"content"
    file_storage.delete(name)
    with pytest.raises(NotFound):
        file_storage.read(name)


@pytest.mark.parametrize(
    ("error", "message"),
    [(OSError(errno.ENOSPC, "full"), "no space left"), (RuntimeError("a bug of a storage"), "unavailable")],
)
def test_a_file_that_cannot_be_saved_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, files_folder: Path, error: Exception, message: str
) -> None:
    store = FileSystemStorage.save

    def store_and_fail(self: FileSystemStorage, name: str, content: object) -> str:
        store(self, name, content)
        raise error

    monkeypatch.setattr(FileSystemStorage, "save", store_and_fail)
    with pytest.raises(Unavailable, match=message):
        save("rooms/file")
    assert not [path for path in files_folder.rglob("*") if path.is_file()]


def test_a_failure_to_delete_is_logged_and_left_to_a_sweep(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: FileSystemStorage, name: str) -> None:
        raise ConnectionError

    monkeypatch.setattr(FileSystemStorage, "delete", fail)
    file_storage.delete("rooms/file")
    assert "ConnectionError" in caplog.text


def test_folders_are_listed_by_their_depth() -> None:
    for name in ("rooms/a/b/file", "rooms/a/c/file", "rooms/d/e/file"):
        save(name)
    assert sorted(file_storage.folders("rooms", 2)) == ["rooms/a/b", "rooms/a/c", "rooms/d/e"]
    assert list(file_storage.folders("nothing", 2)) == []


def test_orphans_are_old_files_that_are_not_known(files_folder: Path) -> None:
    known, orphan, new = (save(f"rooms/{name}") for name in ("known", "orphan", "new"))
    now = datetime.now(UTC)
    for name in (known, orphan):
        os.utime(files_folder / name, times=((now - timedelta(days=2)).timestamp(),) * 2)
    assert file_storage.orphans("rooms", {known}, now - timedelta(days=1)) == [orphan]
    assert new in file_storage.orphans("rooms", {known}, now + timedelta(days=1))
