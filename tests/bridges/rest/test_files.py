"""Files of rooms: what is accepted, how it is stored, and how it is served."""

from __future__ import annotations

import contextlib
import errno
import io
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.files import File
from django.core.files.storage import FileSystemStorage
from PIL import Image

from bridges.rest import files
from devices.models import Attachment, Member, Message
from tests.bridges.rest.conftest import Callers, browser, error, png
from tests.devices.rooms.pictures import SECRET, encoded

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


async def send(
    client: httpx.AsyncClient, room: int, name: str, content: bytes, type: str = "image/png", **fields: str
) -> httpx.Response:
    return await client.post(f"/api/v1/rooms/{room}/files", files={"file": (name, content, type)}, data=fields)


async def message(client: httpx.AsyncClient, room: int, seq: int) -> dict[str, Any]:
    items = (await client.get(f"/api/v1/rooms/{room}/messages?after_seq={seq - 1}&limit=1")).json()["items"]
    found: dict[str, Any] = items[0]
    return found


async def fetch(client: httpx.AsyncClient, room: int, file: dict[str, Any], **headers: str) -> httpx.Response:
    return await client.get(f"/api/v1/rooms/{room}/files/{file['id']}/{file['name']}", headers=headers)


def make_unavailable(folder: Path) -> None:
    folder.rename(folder.with_name(f"{folder.name}-elsewhere"))
    folder.write_text("not a folder")


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_an_image_is_a_message_and_is_served_unchanged(api: Callers, room: int, files_folder: Path) -> None:
    content = png(40, 30)
    sent = await send(api.bob, room, "the pump.png", content, text="look, @alice", key="k1")
    assert (sent.status_code, sent.json()) == (201, {"seq": 1})
    posted = await message(api.carol, room, 1)
    assert (posted["text"], posted["author"], posted["key"]) == ("look, @alice", "bob", "k1")
    [file] = posted["files"]
    assert file == {
        "id": file["id"],
        "name": "the pump.png",
        "type": "image/png",
        "size": len(content),
        "width": 40,
        "height": 30,
    }
    shown = await fetch(api.carol, room, file)
    assert (shown.status_code, shown.content) == (200, content)
    assert shown.headers["content-type"] == "image/png"
    assert "attachment" not in shown.headers.get("content-disposition", "")
    assert shown.headers["content-length"] == str(len(content))


async def test_an_image_is_shown_and_cannot_run_anything(api: Callers, room: int) -> None:
    await send(api.bob, room, "a.png", png())
    shown = await fetch(api.carol, room, (await message(api.carol, room, 1))["files"][0])
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert shown.headers["cross-origin-resource-policy"] == "same-origin"
    assert shown.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(("format", "type"), [("PNG", "png"), ("JPEG", "jpeg"), ("GIF", "gif"), ("WEBP", "webp")])
async def test_an_image_is_recognised_by_its_content_whatever_the_sender_claims(
    api: Callers, room: int, format: str, type: str
) -> None:
    content = io.BytesIO()
    Image.new("RGB", (8, 6)).save(content, format)
    await send(api.bob, room, "notes.html", content.getvalue(), "text/html")
    file = (await message(api.bob, room, 1))["files"][0]
    assert (file["type"], file["width"], file["height"]) == (f"image/{type}", 8, 6)
    assert (await fetch(api.bob, room, file)).headers["content-type"] == f"image/{type}"


SCRIPT = b"<script>document.title = 'run'</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("name", "content", "type"),
    [
        ("page.html", b"<!doctype html>" + SCRIPT, "text/html"),
        ("picture.svg", SVG, "image/svg+xml"),
        ("picture.png", SVG, "image/png"),
        ("picture.gif", b"GIF89a/*" + SCRIPT + b"*/=1;alert(1)", "image/gif"),
        ("picture.png", png()[:20], "image/png"),
        ("picture.png", png().replace(b"IDAT", b"IDAX"), "image/png"),
        ("picture.jpg", b"\xff\xd8\xff\xe0" + SCRIPT, "image/jpeg"),
        ("picture.bmp", b"BM" + SCRIPT, "image/bmp"),
        ("a.pdf", b"%PDF-1.4\n" + SCRIPT, "application/pdf"),
        ("a.xml", b'<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>', ""),
        ("a.js", b"alert(1)", "text/javascript"),
        ("a.png", b"", "image/png"),
        ("none", b"\0" * 100, "image/png"),
    ],
)
async def test_anything_else_is_a_download(api: Callers, room: int, name: str, content: bytes, type: str) -> None:
    assert (await send(api.bob, room, name, content, type)).status_code == 201
    file = (await message(api.bob, room, 1))["files"][0]
    assert "width" not in file
    served = await fetch(api.bob, room, file)
    assert (served.status_code, served.content) == (200, content)
    assert served.headers["content-type"] == "application/octet-stream"
    assert served.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert served.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in served.headers["content-security-policy"]


async def test_an_image_with_a_script_behind_it_is_served_only_as_an_image(api: Callers, room: int) -> None:
    """A polyglot: its pixels are valid, so it is shown, but no browser may interpret it as anything else."""
    content = png() + SCRIPT
    await send(api.bob, room, "a.html", content, "text/html")
    served = await fetch(api.bob, room, (await message(api.bob, room, 1))["files"][0])
    assert served.headers["content-type"] == "image/png"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in served.headers["content-security-policy"]


async def test_an_image_of_too_many_pixels_is_a_download(api: Callers, room: int) -> None:
    """A few hundred kilobytes of a single colour would fill each viewer's memory."""
    content = io.BytesIO()
    Image.new("1", (10_000, 5_001)).save(content, "PNG")
    await send(api.bob, room, "bomb.png", content.getvalue())
    file = (await message(api.bob, room, 1))["files"][0]
    assert "width" not in file
    assert "attachment" in (await fetch(api.bob, room, file)).headers["content-disposition"]


async def test_a_rotated_photograph_has_the_size_as_shown(api: Callers, room: int) -> None:
    content, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(content, "JPEG", exif=exif)
    await send(api.bob, room, "a.jpg", content.getvalue())
    file = (await message(api.bob, room, 1))["files"][0]
    assert (file["width"], file["height"]) == (30, 40)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Grüße 漢字 🌱.txt", "Grüße 漢字 🌱.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("gnp.\u202eexe", "gnp.exe"),
        ("a\nb\t.txt", "ab.txt"),
        (' "quoted" <img src=x onerror=alert(1)>.png', '"quoted" <img src=x onerror=alert(1)>.png'),
        ("100%25;name?x#y&z=1.txt", "100%25;name?x#y&z=1.txt"),
        ("x" * 200, "x" * 200),
    ],
)
async def test_names_keep_every_character_that_a_name_may_have(api: Callers, room: int, name: str, shown: str) -> None:
    response = await post_raw(api.bob, room, f'form-data; name="file"; filename="{quoted(name)}"', b"hello")
    assert response.status_code == 201, response.text
    file = (await message(api.bob, room, 1))["files"][0]
    assert file["name"] == shown
    path = f"/api/v1/rooms/{room}/files/{file['id']}/{quote(shown, safe='')}"
    served = await api.bob.get(path)
    assert served.content == b"hello"
    assert served.headers["content-disposition"].startswith("attachment; filename")
    assert "\n" not in served.headers["content-disposition"]


@pytest.mark.parametrize("name", ["x" * 201, ".", "..", "/", " ", ""])
async def test_an_invalid_name_is_refused(api: Callers, room: int, name: str, files_folder: Path) -> None:
    response = await post_raw(api.bob, room, f'form-data; name="file"; filename="{name}"', b"hello")
    assert "name" in str(error(response, 422, "invalid")["message"])
    assert kept(files_folder) == []


def quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


async def post_raw(client: httpx.AsyncClient, room: int, disposition: str, content: bytes) -> httpx.Response:
    """Posts a form written by hand, with names that a decent library would not send."""
    body = f"--b\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return await client.post(f"/api/v1/rooms/{room}/files", content=body, headers=headers)


@pytest.mark.parametrize(
    ("type", "body", "status"),
    [
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=text\r\n\r\nx\r\n--b--\r\n",
            422,
        ),
        ("multipart/form-data; boundary=b", b"", 422),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=\xff", b"x", 400),
        ("application/json", b'{"file": "x"}', 422),
        ("application/x-www-form-urlencoded", b"file=x", 422),
        ("text/plain", b"x", 422),
    ],
)
async def test_a_body_without_a_file_is_refused(api: Callers, room: int, type: str, body: bytes, status: int) -> None:
    headers = {b"Content-Type": type.encode("latin-1")}
    response = await api.bob.post(f"/api/v1/rooms/{room}/files", content=body, headers=headers)  # type: ignore[arg-type]
    error(response, status, "invalid")


async def test_a_form_in_chunks_is_refused_by_name(api: Callers, room: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n'

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = await api.bob.post(f"/api/v1/rooms/{room}/files", content=chunks(), headers=headers)
    assert "Content-Length" in str(error(response, 422, "invalid")["message"])


async def test_two_files_at_once_are_refused(api: Callers, room: int, files_folder: Path) -> None:
    two = [("file", ("a.txt", b"a", "text/plain")), ("file", ("b.txt", b"b", "text/plain"))]
    error(await api.bob.post(f"/api/v1/rooms/{room}/files", files=two), 422, "invalid")
    assert kept(files_folder) == []


async def test_a_text_that_is_given_twice_is_refused(api: Callers, room: int, files_folder: Path) -> None:
    parts = [("file", ("a.txt", b"a")), ("text", (None, "one")), ("text", (None, "two"))]
    error(await api.bob.post(f"/api/v1/rooms/{room}/files", files=parts), 422, "invalid")


@pytest.mark.parametrize("text", ["x" * 2001, "a\u202eb", "nul\0"])
async def test_an_invalid_text_leaves_no_file(api: Callers, room: int, files_folder: Path, text: str) -> None:
    error(await send(api.bob, room, "a.png", png(), text=text), 422, "invalid")
    assert kept(files_folder) == []
    assert not await Message.objects.aexists()


async def test_a_repeated_key_gives_the_same_message_with_one_file(api: Callers, room: int, files_folder: Path) -> None:
    for _ in range(2):
        assert (await send(api.bob, room, "a.png", png(), key="k")).json() == {"seq": 1}
    assert len(kept(files_folder)) == 1
    assert await Attachment.objects.acount() == 1


async def test_the_rate_limit_applies_to_files_too(api: Callers, room: int, files_folder: Path, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 1
    assert (await send(api.bob, room, "a.png", png())).status_code == 201
    error(await send(api.bob, room, "b.png", png()), 429, "too_many")
    assert len(kept(files_folder)) == 1


async def test_a_file_of_the_largest_size_is_accepted_and_a_byte_more_is_not(
    api: Callers, room: int, files_folder: Path, settings: Any
) -> None:
    settings.FILE_LIMIT = 1
    assert (await send(api.bob, room, "a.bin", b"x" * 1024 * 1024)).status_code == 201
    message = str(error(await send(api.bob, room, "a.bin", b"x" * (1024 * 1024 + 1)), 413, "too_large")["message"])
    assert "1 MiB" in message
    error(await send(api.bob, room, "a.bin", b"x" * 3 * 1024 * 1024), 413, "too_large")  # not even read
    assert len(kept(files_folder)) == 1


async def test_a_limit_of_0_means_no_limit(api: Callers, room: int, settings: Any) -> None:
    settings.FILE_LIMIT = 0
    assert (await send(api.bob, room, "a.bin", b"x" * 12 * 1024 * 1024)).status_code == 201


async def test_only_files_may_be_larger_than_a_mebibyte(api: Callers, room: int) -> None:
    large = {"file": ("a.bin", b"x" * 2 * 1024 * 1024, "")}
    for path in (f"rooms/{room}/messages", f"rooms/{room}/files/1/a", "rooms", "hooks/x"):
        error(await api.bob.post(f"/api/v1/{path}", files=large), 413, "too_large")


async def test_stored_files_do_not_have_the_sender_s_name_and_are_closed_to_others(
    api: Callers, room: int, files_folder: Path
) -> None:
    await send(api.bob, room, "evil.html", b"<script>")
    [path] = kept(files_folder)
    assert "." not in path.name
    assert "evil" not in path.name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_removing_a_message_removes_its_file(api: Callers, room: int, files_folder: Path) -> None:
    await send(api.bob, room, "a.png", png())
    file = (await message(api.bob, room, 1))["files"][0]
    assert (await api.bob.delete(f"/api/v1/rooms/{room}/messages/1")).status_code == 200
    error(await fetch(api.bob, room, file), 404, "not_found")
    assert kept(files_folder) == []
    assert "files" not in await message(api.bob, room, 1)


async def test_a_file_is_only_found_under_its_room_and_name(api: Callers, room: int) -> None:
    await send(api.bob, room, "a.png", png())
    id = (await message(api.bob, room, 1))["files"][0]["id"]
    other = (await api.alice.post("/api/v1/spaces/garden/rooms", json={"name": "Tea"})).json()["id"]
    for path in (f"{other}/files/{id}/a.png", f"{room}/files/{id}/b.png", f"{room}/files/{id + 1}/a.png"):
        error(await api.bob.get(f"/api/v1/rooms/{path}"), 404, "not_found")


async def test_a_cached_file_is_not_sent_again_but_access_is_checked(api: Callers, room: int, carol: User) -> None:
    await send(api.bob, room, "a.png", png())
    file = (await message(api.bob, room, 1))["files"][0]
    etag = (await fetch(api.carol, room, file)).headers["etag"]
    again = await fetch(api.carol, room, file, **{"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    await Member.objects.filter(user=carol).adelete()
    error(await fetch(api.carol, room, file, **{"If-None-Match": etag}), 404, "not_found")


async def test_a_file_that_is_gone_is_not_found(api: Callers, room: int, files_folder: Path) -> None:
    await send(api.bob, room, "a.png", png())
    kept(files_folder)[0].unlink()
    error(await fetch(api.bob, room, (await message(api.bob, room, 1))["files"][0]), 404, "not_found")


async def test_an_unavailable_storage_is_named(api: Callers, room: int, files_folder: Path) -> None:
    await send(api.bob, room, "a.png", png())
    file = (await message(api.bob, room, 1))["files"][0]
    make_unavailable(files_folder)
    assert "storage" in str(error(await send(api.bob, room, "b.png", png()), 503, "unavailable")["message"])
    assert "storage" in str(error(await fetch(api.bob, room, file), 503, "unavailable")["message"])
    assert await Message.objects.acount() == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_is_named_and_nothing_is_kept(
    api: Callers, room: int, files_folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fill(self: FileSystemStorage, name: str, content: File[Any]) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True)
        path.write_bytes(b"as much as there was room for")
        raise OSError(number, "no space")

    monkeypatch.setattr(FileSystemStorage, "_save", fill)
    response = await send(api.bob, room, "a.png", png())
    facts = error(response, 503, "unavailable")
    assert facts["retry"]
    assert "space" in str(facts["message"])
    assert kept(files_folder) == []
    assert not await Message.objects.aexists()


async def test_a_form_of_too_many_fields_is_refused(api: Callers, room: int) -> None:
    form = {f"field-{number}": "x" for number in range(2_000)}
    response = await api.bob.post(f"/api/v1/rooms/{room}/files", data=form, files={"file": ("a.txt", b"hello")})
    error(response, 400, "invalid")


async def test_one_person_cannot_occupy_all_uploads(api: Callers, room: int, bob: User) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(files.MAX_UPLOADS_EACH):
            stack.enter_context(files.uploads.of(bob.pk))
        error(await send(api.bob, room, "a.png", png()), 429, "too_many")
        assert (await send(api.carol, room, "a.png", png())).status_code == 201


async def test_one_person_cannot_occupy_all_downloads(api: Callers, room: int, bob: User) -> None:
    await send(api.bob, room, "a.png", png())
    file = (await message(api.bob, room, 1))["files"][0]
    with contextlib.ExitStack() as stack:
        for _ in range(files.MAX_DOWNLOADS_EACH):
            stack.enter_context(files.downloads.of(bob.pk))
        error(await fetch(api.bob, room, file), 429, "too_many")
        assert (await fetch(api.carol, room, file)).status_code == 200


async def test_an_uploaded_picture_loses_its_metadata(api: Callers, room: int) -> None:
    content = encoded("JPEG", orientation=6)
    assert (await send(api.bob, room, "garden.jpg", content)).status_code == 201
    file = (await message(api.bob, room, 1))["files"][0]
    assert (file["width"], file["height"]) == (20, 40)
    served = await fetch(api.carol, room, file)
    assert SECRET.encode() in content
    assert SECRET.encode() not in served.content
    assert served.headers["content-length"] == str(file["size"]) == str(len(served.content))


async def test_too_many_uploads_at_once_are_refused(api: Callers, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.uploads, "running", files.MAX_UPLOADS)
    error(await send(api.bob, room, "a.png", png()), 429, "too_many")


async def test_a_login_sends_files_only_with_the_csrf_token(bob: User, room: int, files_folder: Path) -> None:
    client = await sync_to_async(browser)(bob)
    error(await send(client, room, "a.png", png()), 403, "forbidden")
    client.cookies.set("csrftoken", "x" * 32)
    client.headers["X-CSRFToken"] = "y" * 32
    error(await send(client, room, "a.png", png()), 403, "forbidden")
    assert kept(files_folder) == []
    client.headers["X-CSRFToken"] = "x" * 32
    assert (await send(client, room, "a.png", png())).status_code == 201
