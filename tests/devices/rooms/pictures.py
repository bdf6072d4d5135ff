"""Pictures with metadata, as phones and editors make them."""

from __future__ import annotations

import io
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

SECRET = "Elm Street 7"
"""Occurs in all metadata of the pictures."""
_XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{SECRET}</x:xmpmeta>".encode()


def exif(orientation: int = 1) -> Image.Exif:
    """Exif with a place, a description and an orientation."""
    made = Image.Exif()
    made[ExifTags.Base.ImageDescription] = SECRET
    made[ExifTags.Base.Orientation] = orientation
    place = made.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLatitude] = "N", (52.0, 31.0, 12.0)
    place[ExifTags.GPS.GPSAreaInformation] = SECRET
    return made


def two_halves(width: int = 40, height: int = 20) -> Image.Image:
    """The left half is red, the right one blue."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height))
    return image


def encoded(format: str, orientation: int = 1, image: Image.Image | None = None) -> bytes:
    """The picture with all the metadata that its format can hold."""
    content = io.BytesIO()
    more: dict[str, Any] = {"exif": exif(orientation), "xmp": _XMP, "comment": SECRET.encode()}
    if format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", SECRET)
        text.add_itxt("XML:com.adobe.xmp", _XMP.decode())
        more = {"exif": exif(orientation), "pnginfo": text}
    elif format == "GIF":
        more = {"comment": SECRET.encode()}
    (image or two_halves()).save(content, format, **more)
    return content.getvalue()


def colours(content: bytes) -> tuple[str, str]:
    """Of the top left and of the bottom right corner: `red` or `blue`."""
    with Image.open(io.BytesIO(content)) as image:
        shown = image.convert("RGB")
        corners = shown.getpixel((1, 1)), shown.getpixel((shown.width - 2, shown.height - 2))
    first, last = ("red" if pixel[0] > pixel[2] else "blue" for pixel in corners)  # type: ignore[index]
    return first, last
