"""Recognises images that browsers may show, and removes metadata from them. The only module that uses Pillow."""

from __future__ import annotations

import io
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from PIL import ExifTags, Image

from devices.rooms.image_metadata import BEGINNING, media_type, orientation_only, without_metadata

MAX_PIXELS = 50_000_000
"""Pixels of an image that is shown: a small file may hold one that fills a browser's memory."""
MAX_TURNED_PIXELS = 25_000_000
"""Pixels of an image that is decoded to turn it, which takes six bytes each; of a larger JPEG the turn is noted."""
MAX_BYTES = 64 * 1024 * 1024
"""Bytes of a file that is read into memory to be recognised as an image."""
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_TURNABLE = ("PNG", "JPEG", "WEBP")
_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a JPEG followed by further pictures, as phones make them
    "GIF": "image/gif",
    "WEBP": "image/webp",
}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Value of Exif's orientation -> what makes the picture upright."""
_SWAPPING = (5, 6, 7, 8)
"""Those that swap width and height."""
_SAVING: dict[str, dict[str, Any]] = {"image/jpeg": {"quality": 92}, "image/webp": {"quality": 92}}

_decoding = threading.Lock()
"""One image is decoded at a time: together they would fill the memory."""


@dataclass(frozen=True, slots=True)
class Picture:
    """`width` and `height` in pixels, as browsers show it."""

    type: str
    width: int
    height: int
    orientation: int = 1


def without_traces(file: IO[bytes]) -> tuple[IO[bytes], Picture | None]:
    """The file without the metadata of a picture, which may say where it was taken, and the image in it if it may be
    shown. A picture that is turned by its metadata is turned for good.

    A file without a picture, and one that is damaged so that its metadata cannot be found, comes back as it is.
    """
    try:
        original, type = _read(file)
        content = without_metadata(original, type)
    except (ValueError, IndexError, struct.error):
        return file, None
    # After that, as Pillow walks through all parts in Python: those of this picture are few.
    found = _inspect(content, _orientation(original))
    if found is None:
        return file, None
    if found.orientation in _TURNS:
        content = _turned(content, found)
    return io.BytesIO(content), found if found.width * found.height <= MAX_PIXELS else None


def _read(file: IO[bytes]) -> tuple[bytes, str]:
    """The content and its type, if it begins like a picture. Raises `ValueError`: nothing else is read into memory."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    try:
        type = media_type(file.read(BEGINNING))
        if size > MAX_BYTES:
            raise ValueError("too large")
        file.seek(0)
        return file.read(), type
    finally:
        file.seek(0)


def _inspect(content: bytes, orientation: int) -> Picture | None:
    """The image, if Pillow finds one. Its pixels are not decoded, since the sender could make that arbitrarily
    expensive."""
    # A decoder raises whatever the bytes lead it to: SyntaxError, struct.error, OverflowError, …
    with suppress(Exception), Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        width, height = image.size
        if orientation in _SWAPPING:
            width, height = height, width
        found = Picture(_TYPES[image.format or ""], width, height, orientation)
        image.verify()
        return found
    return None


def _orientation(content: bytes) -> int:
    """How the picture is to be turned, by its Exif; 1: not at all."""
    exif = Image.Exif()
    with suppress(Exception), Image.open(io.BytesIO(content), formats=_TURNABLE) as image:
        exif.load(image.info.get("exif", b""))  # its own `getexif` would decode the pixels of a PNG
        value: int = exif.get(ExifTags.Base.Orientation, 1)
        return value if value in _TURNS else 1
    return 1


def _turned(content: bytes, picture: Picture) -> bytes:
    """The picture as its orientation says. One that cannot be decoded keeps the note, or stays as it is."""
    if picture.width * picture.height <= MAX_TURNED_PIXELS:
        with suppress(Exception), _decoding:  # it raises whatever the bytes lead it to
            return _transposed(content, picture)
    if picture.type != "image/jpeg":
        return content
    return content[:2] + orientation_only(picture.orientation) + content[2:]


def _transposed(content: bytes, picture: Picture) -> bytes:
    turned = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        if getattr(image, "n_frames", 1) > 1:
            return content  # a turned animation would be a still picture
        profile = {"icc_profile": image.info["icc_profile"]} if "icc_profile" in image.info else {}
        upright = image.transpose(_TURNS[picture.orientation])
        upright.save(turned, image.format, **profile, **_SAVING.get(picture.type, {}))
    return turned.getvalue()
