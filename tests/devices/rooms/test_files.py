"""Files of messages: those that no message refers to are deleted, and those that one refers to are kept."""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.channel import fanout
from devices.channel.events import DirectStored, Event, MessagesStored
from devices.errors import HubbubError, TooMany, Unavailable
from devices.models import Attachment, Device, Message, Room, Space, Watermark
from devices.rooms import editing, files, posting
from devices.rooms.files import Sweep, Upload
from devices.runtime import database, file_storage, stats

pytestmark = pytest.mark.django_db(transaction=True)

DAY_S = 86_400


@pytest.fixture
def room(pump: Device) -> int:
    return Room.objects.get(device=pump).pk


def upload(content: bytes = b"hello") -> Upload:
    return Upload("a.txt", len(content), io.BytesIO(content))


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def make_unavailable(folder: Path) -> None:
    folder.rename(folder.with_name(f"{folder.name}-elsewhere"))
    folder.write_text("not a folder")


def age(*paths: Path, days: float = 2) -> None:
    for path in paths:
        os.utime(path, (0, time.time() - days * DAY_S))


def sweep() -> None:
    """Runs a whole sweep."""
    once = Sweep()
    while once():
        pass


async def test_a_sweep_deletes_unreferenced_files_that_are_a_day_old(bob: User, room: int, files_folder: Path) -> None:
    await files.post(bob, room, upload())
    [named] = files_in(files_folder)
    orphan, fresh = named.with_name("orphan"), named.with_name("fresh")
    elsewhere = named.parent.parent / "01" / "orphan"
    elsewhere.parent.mkdir()
    for path in (orphan, fresh, elsewhere):
        path.write_bytes(b"x")
    age(named, orphan, elsewhere)
    age(fresh, days=0.9)
    await database.run(sweep)
    assert files_in(files_folder) == sorted([named, fresh])


async def test_a_sweep_deletes_nothing_if_the_database_never_stored_a_file(
    bob: User, room: int, files_folder: Path
) -> None:
    """A backup may still be restored into it, or it is a new one beside the files of another."""
    await files.post(bob, room, upload())
    age(*files_in(files_folder))
    await Attachment.objects.all().adelete()
    await Watermark.objects.all().adelete()
    await posting.post(bob, room, "there are rooms, and things said in them")
    await database.run(sweep)
    assert len(files_in(files_folder)) == 1


async def test_files_are_swept_after_their_space_was_deleted(
    bob: User, room: int, space: Space, files_folder: Path
) -> None:
    for key in "ab":
        await files.post(bob, room, upload(), key=key)
    age(*files_in(files_folder))
    await space.adelete()
    await database.run(sweep)
    assert files_in(files_folder) == []


async def test_unreferenced_files_of_an_older_version_are_swept(bob: User, room: int, files_folder: Path) -> None:
    """An older version did not record that it had stored files."""
    await files.post(bob, room, upload())
    await Watermark.objects.all().adelete()
    orphan = files_in(files_folder)[0].with_name("orphan")
    orphan.write_bytes(b"x")
    age(orphan)
    await database.run(sweep)
    assert not orphan.exists()


async def test_a_sweep_without_files_ends_at_once(bob: User, room: int, files_folder: Path) -> None:
    assert await database.run(Sweep()) is False
    await files.post(bob, room, upload())
    files_in(files_folder)[0].unlink()
    await database.run(sweep)


async def test_a_sweep_of_an_unavailable_storage_raises_unavailable(bob: User, room: int, files_folder: Path) -> None:
    await files.post(bob, room, upload())
    make_unavailable(files_folder)
    with pytest.raises(Unavailable):
        await database.run(sweep)


async def test_files_of_a_deleted_room_are_swept(bob: User, room: int, pump: Device, files_folder: Path) -> None:
    other = await Room.objects.acreate(space_id=pump.space_id, name="Tea")
    for id in (room, other.pk):
        await files.post(bob, id, upload())
    await Room.objects.filter(pk=other.pk).adelete()
    age(*files_in(files_folder))
    await database.run(sweep)
    assert len(files_in(files_folder)) == 1


async def test_the_file_of_a_message_that_cannot_be_stored_is_deleted(
    bob: User, room: int, files_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Attachment, "save", lambda self: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        await files.post(bob, room, upload())
    assert files_in(files_folder) == []
    assert not await Message.objects.aexists()


async def test_a_stored_message_keeps_its_file_even_if_publishing_fails(
    bob: User, room: int, files_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(events: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(fanout, "publish", fail)
    with pytest.raises(RuntimeError):
        await files.post(bob, room, upload())
    assert await Message.objects.acount() == len(files_in(files_folder)) == 1


async def test_a_file_without_a_text_is_announced_by_its_name(
    alice: User, bob: User, files_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[Event] = []

    async def publish(events: Iterable[Event]) -> None:
        published.extend(events)

    monkeypatch.setattr(fanout, "publish", publish)
    conversation = await database.run(posting.conversation, alice, "bob")
    await files.post(alice, conversation, upload())
    assert {event.text for event in published if isinstance(event, DirectStored)} == {"a.txt"}
    assert [entry.excerpt for event in published if isinstance(event, MessagesStored) for entry in event.entries] == [
        "a.txt"
    ]


async def test_concurrent_uploads_with_the_same_key_keep_one_file(bob: User, room: int, files_folder: Path) -> None:
    seqs = await asyncio.gather(*[files.post(bob, room, upload(), key="k") for _ in range(4)])
    assert set(seqs) == {1}
    assert len(files_in(files_folder)) == await Attachment.objects.acount() == 1


async def test_a_message_is_removed_even_if_its_file_cannot_be_deleted(
    bob: User, room: int, files_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seq = await files.post(bob, room, upload())
    [path] = files_in(files_folder)
    make_unavailable(path.parent)
    await editing.remove(bob, room, seq)
    assert (await Message.objects.aget(seq=seq)).removed_at
    assert "could not be deleted" in caplog.text


async def test_no_file_is_stored_for_a_person_over_the_rate_limit(
    bob: User, room: int, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 1
    await posting.post(bob, room, "hello")
    with pytest.raises(TooMany):
        await posting.post(bob, room, "one more")
    monkeypatch.setattr(file_storage, "save", lambda *args: 1 // 0)
    with pytest.raises(TooMany):
        await files.post(bob, room, upload())


async def test_every_refused_file_is_counted_wherever_it_is_refused(
    bob: User, mallory: User, room: int, settings: Any, files_folder: Path
) -> None:
    settings.FILE_LIMIT, settings.CHAT_RATE_LIMIT = 1, 1
    calls = [
        ("not_found", lambda: files.post(mallory, room, upload())),
        ("too_large", lambda: files.post(bob, room, upload(b"x" * 2**20 + b"x"))),
        ("invalid", lambda: files.post(bob, room, upload(), key="")),
    ]
    await files.post(bob, room, upload(), key="k")
    calls += [("too_many", lambda: files.post(bob, room, upload()))] * 2
    for code, call in calls:
        counter = stats.chat_refused.labels(code)._value
        before = counter.get()
        with pytest.raises(HubbubError) as error:
            await call()
        assert (error.value.code, counter.get()) == (code, before + 1)
    assert len(files_in(files_folder)) == 1
