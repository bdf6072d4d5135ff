"""Recognises images that browsers may show, and removes metadata from them. The only module that uses Pillow."""

from __future__ import annotations

import io
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from PIL import ExifTags, Image

from devices.rooms.image_metadata import orientation_only, without_metadata

MAX_PIXELS = 50_000_000
"""Pixels of an image that is shown: a small file may hold one that fills a browser's memory."""
MAX_TURNED_PIXELS = 25_000_000
"""Pixels of an image that is decoded to turn it, which takes six bytes each; of a larger JPEG the turn is noted."""
MAX_BYTES = 64 * 1024 * 1024
"""Bytes of a file that is read into memory to be recognised as an image."""
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


def recognise(file: IO[bytes]) -> Picture | None:
    """The image in the file, judged only by its content; `None` for anything that must not be shown.

    Its pixels are not decoded, since the sender could make that arbitrarily expensive.
    """
    found = _inspect(file)
    return found if found is not None and found.width * found.height <= MAX_PIXELS else None


def without_traces(file: IO[bytes]) -> tuple[IO[bytes], Picture | None]:
    """The file without the metadata of a picture, which may say where it was taken, and the image in it if it may be
    shown. A picture that is turned by its metadata is turned for good.

    A file without a picture, and one that is damaged so that its metadata cannot be found, comes back as it is.
    """
    found = _inspect(file)
    if found is None:
        return file, None
    try:
        content = without_metadata(file.read(), found.type)
    except (ValueError, IndexError, struct.error):
        file.seek(0)
        return file, None
    if found.orientation in _TURNS:
        content = _turned(content, found)
    return io.BytesIO(content), found if found.width * found.height <= MAX_PIXELS else None


def _inspect(file: IO[bytes]) -> Picture | None:
    """Like `recognise`, of any number of pixels."""
    try:
        if file.seek(0, io.SEEK_END) > MAX_BYTES:
            return None
        file.seek(0)
        with Image.open(file, formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
            width, height = image.size
            orientation = _orientation(image)
            if orientation in _SWAPPING:
                width, height = height, width
            found = Picture(_TYPES[image.format or ""], width, height, orientation)
            image.verify()
    except Exception:  # a decoder raises whatever the bytes lead it to: SyntaxError, struct.error, OverflowError, …
        return None
    finally:
        file.seek(0)
    return found


def _orientation(image: Image.Image) -> int:
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))  # its own `getexif` would decode the pixels of a PNG
    value = exif.get(ExifTags.Base.Orientation, 1)
    return value if value in _TURNS else 1


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
