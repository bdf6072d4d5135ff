"""Pictures in a room."""

from __future__ import annotations

import io
import struct
import zlib

import httpx
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.paths.conftest import Visit
from tests.paths.rooms.conftest import box, log, message
from tests.support.browser import WAIT_MS
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

expect.set_options(timeout=WAIT_MS)


def _png(width: int, height: int) -> bytes:
    rows = b"".join(b"\0" + bytes([200, 90, 60]) * width for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_picture_reserves_its_space_before_it_is_loaded(sign_in: Visit) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    box(alice).fill("the leak")
    picture = {"name": "leak.png", "mimeType": "image/png", "buffer": _png(720, 260)}
    alice.page.locator("[data-file]").set_input_files(picture)
    shown = message(bob, "the leak").get_by_role("img", name="leak.png")
    expect(shown).to_be_visible()
    expect(shown).to_have_attribute("width", "360")
    expect(shown).to_have_attribute("height", "130")
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 720
    expect(box(alice)).to_have_value("")


def test_a_picture_can_be_pasted(sign_in: Visit) -> None:
    alice = sign_in("alice")
    script = """async (text) => {
        const canvas = new OffscreenCanvas(40, 30);
        canvas.getContext("2d").fillRect(0, 0, 40, 30);
        const file = new File([await canvas.convertToBlob()], "pasted.png", { type: "image/png" });
        const clipboardData = new DataTransfer();
        clipboardData.items.add(file);
        text.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }"""
    box(alice).evaluate(script)
    expect(log(alice).get_by_role("img", name="pasted.png")).to_be_visible()


def test_a_picture_is_loaded_near_the_screen_and_a_huge_one_is_a_link(hub: RunningHub, sign_in: Visit) -> None:
    headers = {"Authorization": f"Bearer {hub.create_token('bob')}"}
    with httpx.Client(base_url=f"{hub.url}/api/v1/", headers=headers) as bob:
        room = next(room for room in bob.get("rooms").json()["items"] if room["name"] == "General")
        for name, width, height in (("small.png", 120, 60), ("huge.png", 6_000, 5_000)):
            content = io.BytesIO()
            Image.new("1", (width, height)).save(content, "PNG")
            sent = bob.post(f"rooms/{room['id']}/files", files={"file": (name, content.getvalue())})
            assert sent.status_code == 201, sent.text
    alice = sign_in("alice", f"/rooms/{room['id']}/")
    small = alice.page.get_by_role("img", name="small.png")
    expect(small).to_have_js_property("naturalWidth", 120)
    box = small.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (120, 60)
    expect(alice.page.get_by_role("link", name="huge.png")).to_contain_text("6000 × 5000")
    expect(alice.page.get_by_role("img", name="huge.png")).to_have_count(0)
