"""Files of rooms: what is taken, how it is kept, and how it is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.bridges.rest.conftest import Callers, png

pytestmark = pytest.mark.django_db(transaction=True)


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


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_an_image_is_a_message_and_comes_back_as_it_was(api: Callers, room: int, files_folder: Path) -> None:
    content = png(40, 30)
    sent = await send(api.bob, room, "the pump.png", content, text="look, @alice", key="k1")
    assert (sent.status_code, sent.json()) == (201, {"seq": 1})
    said = await message(api.carol, room, 1)
    assert (said["text"], said["author"], said["key"]) == ("look, @alice", "bob", "k1")
    [file] = said["files"]
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
