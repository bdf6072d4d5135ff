from __future__ import annotations

import io
import random

import pytest
from PIL import Image

from devices.rooms import image_metadata, images
from devices.rooms.images import Picture, without_traces
from tests.devices.rooms.pictures import SECRET, colours, encoded, two_halves

FORMATS = ["JPEG", "PNG", "WEBP", "GIF"]


def cleaned(content: bytes) -> tuple[bytes, Picture | None]:
    file, picture = without_traces(io.BytesIO(content))
    return file.read(), picture


def pixels(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB").tobytes()


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_loses_all_metadata_and_no_pixel(format: str) -> None:
    content = encoded(format)
    assert SECRET.encode() in content
    kept, picture = cleaned(content)
    assert SECRET.encode() not in kept
    assert pixels(kept) == pixels(content)
    assert picture is not None
    assert (picture.width, picture.height) == (40, 20)
    with Image.open(io.BytesIO(kept)) as image:
        assert not image.getexif()
        assert image.format == format
        image.load()
    assert cleaned(kept)[0] == kept


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "corners"),
    [
        (2, ("blue", "red")),
        (3, ("blue", "red")),
        (4, ("red", "blue")),
        (5, ("red", "blue")),
        (6, ("red", "blue")),
        (7, ("blue", "red")),
        (8, ("blue", "red")),
    ],
)
def test_a_turned_picture_is_turned_for_good(format: str, orientation: int, corners: tuple[str, str]) -> None:
    kept, picture = cleaned(encoded(format, orientation))
    assert SECRET.encode() not in kept
    assert colours(kept) == corners
    assert picture is not None
    size = (20, 40) if orientation > 4 else (40, 20)
    with Image.open(io.BytesIO(kept)) as image:
        assert (picture.width, picture.height) == image.size == size
        assert not image.getexif()


def test_a_turned_jpeg_that_is_too_large_to_decode_keeps_only_its_orientation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_TURNED_PIXELS", 100)
    kept, picture = cleaned(encoded("JPEG", 6))
    assert SECRET.encode() not in kept
    assert picture is not None
    assert (picture.width, picture.height) == (20, 40)
    with Image.open(io.BytesIO(kept)) as image:
        assert dict(image.getexif()) == {0x0112: 6}


def test_a_picture_with_too_many_pixels_is_not_shown_but_cleaned_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    kept, picture = cleaned(encoded("JPEG"))
    assert picture is None
    assert SECRET.encode() not in kept


def test_a_jpeg_loses_the_further_pictures_behind_it() -> None:
    kept, _ = cleaned(encoded("JPEG") + encoded("JPEG"))
    assert SECRET.encode() not in kept
    assert kept.endswith(b"\xff\xd9")


def test_a_progressive_jpeg_and_a_colour_profile_stay() -> None:
    content = io.BytesIO()
    two_halves(200, 100).save(content, "JPEG", progressive=True, icc_profile=b"profile" * 20_000, comment=SECRET)
    kept, _ = cleaned(content.getvalue())
    assert SECRET.encode() not in kept
    assert pixels(kept) == pixels(content.getvalue())
    with Image.open(io.BytesIO(kept)) as image:
        assert image.info["icc_profile"] == b"profile" * 20_000
        assert image.info["progressive"]


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_an_animation_stays_one(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    content = io.BytesIO()
    frames[0].save(content, format, save_all=True, append_images=frames[1:], duration=40, loop=3)
    kept, _ = cleaned(content.getvalue())
    with Image.open(io.BytesIO(kept)) as image:
        assert getattr(image, "n_frames", 1) == 3
        assert image.info["loop"] == 3


@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_picture_raises_nothing(format: str) -> None:
    content, chance = encoded(format, 6), random.Random(1)
    for _ in range(150):
        damaged = bytearray(content[: chance.randrange(len(content))] if chance.random() < 0.5 else content)
        for _ in range(chance.randrange(5)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        cleaned(bytes(damaged))


def test_a_file_without_a_picture_comes_back_as_it_is() -> None:
    assert cleaned(b"hello") == (b"hello", None)


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_of_too_many_parts_is_kept_as_a_file_and_not_opened(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(format)
    monkeypatch.setattr(image_metadata, "MAX_PARTS", 1)
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it was opened"))
    assert cleaned(content) == (content, None)


def test_a_jpeg_that_is_padded_without_end_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded("JPEG")
    padded = content[:2] + b"\xff" * 2_000 + content[2:]
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it was opened"))
    assert cleaned(padded) == (padded, None)
