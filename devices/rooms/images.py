"""Recognises images that browsers may show. The only module that uses Pillow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from PIL import ExifTags, Image

MAX_PIXELS = 50_000_000
"""Pixels of an image that is shown: a small file may hold one that fills a browser's memory."""
_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a JPEG followed by further pictures, as phones make them
    "GIF": "image/gif",
    "WEBP": "image/webp",
}
_TURNED = (5, 6, 7, 8)
"""Values of Exif's orientation for which browsers swap width and height."""


@dataclass(frozen=True, slots=True)
class Picture:
    """`width` and `height` in pixels, as browsers show it."""

    type: str
    width: int
    height: int


def recognise(file: IO[bytes]) -> Picture | None:
    """The image in the file, judged only by its content; `None` for anything that must not be shown.

    Its pixels are not decoded, since the sender could make that arbitrarily expensive.
    """
    try:
        file.seek(0)
        with Image.open(file, formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                return None
            if _is_turned(image):
                width, height = height, width
            found = Picture(_TYPES[image.format or ""], width, height)
            image.verify()
    except Exception:  # a decoder raises whatever the bytes lead it to: SyntaxError, struct.error, OverflowError, …
        return None
    finally:
        file.seek(0)
    return found


def _is_turned(image: Image.Image) -> bool:
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))  # its own `getexif` would decode the pixels of a PNG
    return exif.get(ExifTags.Base.Orientation) in _TURNED
