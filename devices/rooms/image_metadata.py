"""Removes metadata from pictures: where and when they were taken, with which device, and by whom. Pure.

Pixels are neither decoded nor changed. What a function does not understand raises `ValueError`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from itertools import islice

_EOI, _SOS = 0xD9, 0xDA
_JPEG_KEPT = {0xE0, 0xEE}
"""APP0 (JFIF) and APP14 (Adobe's colour transform), and APP2 with a colour profile; all other APPn hold metadata."""
_COMMENT = 0xFE
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
BEGINNING = 12
"""Bytes that show the type of a picture."""
MAX_PARTS = 50_000
"""Segments, chunks or blocks of a picture; real ones have a few thousand at most, and each costs time to look at."""
MAX_FILL = 1_000
"""Bytes of padding before one marker of a JPEG. Pillow reads them one by one."""
_WINDOW = 256 * 1024
"""Bytes that are searched at once: no other thread of the process runs in the meantime."""
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_DROPPED = {b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"}
_WEBP_DROPPED = {b"EXIF", b"XMP "}
_WEBP_FLAGS = 0b1100
"""Bits of VP8X that announce EXIF and XMP."""
_GIF_ANIMATION = b"NETSCAPE2.0"
ORIENTATION = 0x0112


def media_type(content: bytes) -> str:
    """The type of the picture with this `BEGINNING`. Raises `ValueError` for anything but a picture."""
    if content.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if content.startswith(_PNG_SIGNATURE):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    raise ValueError("not a picture")


def without_metadata(content: bytes, media_type: str) -> bytes:
    """The picture, which begins as one of this type, without its metadata."""
    return _joined(_CLEANERS[media_type](content))


def orientation_only(orientation: int) -> bytes:
    """An APP1 segment of a JPEG that holds the picture's orientation and nothing else."""
    tiff = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return struct.pack(">BBH", 0xFF, 0xE1, len(body) + 2) + body


def _joined(parts: Iterable[bytes]) -> bytes:
    """The parts, empty ones in place of those that are left out."""
    some = list(islice(parts, MAX_PARTS + 1))
    if len(some) > MAX_PARTS:
        raise ValueError("too many parts")
    return b"".join(some)


def _jpeg(content: bytes) -> Iterator[bytes]:
    """Up to the end of the first picture: what follows are further ones, with metadata of their own."""
    yield content[:2]
    at = 2
    while True:
        at, marker = _marker(content, at)
        if marker == _EOI:
            yield b"\xff\xd9"
            return
        end = at + struct.unpack_from(">H", content, at)[0]
        if end > len(content) or end < at + 2:
            raise ValueError("a segment is cut off")
        yield b"" if _is_metadata(content, marker, at) else bytes((0xFF, marker)) + content[at:end]
        at = end
        if marker == _SOS:
            end = _end_of_scan(content, at)
            yield content[at:end]
            at = end
            if at == len(content):  # cut off; browsers show what there is
                return


def _marker(content: bytes, at: int) -> tuple[int, int]:
    """The position after the marker at `at`, which may be padded, and the marker."""
    start = at
    while content[at : at + 1] == b"\xff" and at - start <= MAX_FILL:
        at += 1
    if not 0 < at - start <= MAX_FILL:
        raise ValueError("a marker is missing, or padded too much")
    if at >= len(content):
        raise ValueError("the picture is cut off")
    return at + 1, content[at]


def _is_metadata(content: bytes, marker: int, at: int) -> bool:
    if marker == 0xE2:  # colour profiles; but an index of further pictures too
        return content[at + 2 : at + 14] != b"ICC_PROFILE\0"
    return marker == _COMMENT or (0xE0 <= marker <= 0xEF and marker not in _JPEG_KEPT)


def _end_of_scan(content: bytes, at: int) -> int:
    """The position of the next marker that is not part of the pixels' data; the end of a picture that is cut off."""
    for start in range(at, len(content), _WINDOW):
        if found := _MARKER.search(content, start, start + _WINDOW + 1):
            return found.start()
    return len(content)


def _png(content: bytes) -> Iterator[bytes]:
    yield content[:8]
    at = 8
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            raise ValueError("a chunk is cut off")
        yield b"" if kind in _PNG_DROPPED else content[at:end]
        if kind == b"IEND":
            return
        at = end


def _webp(content: bytes) -> Iterator[bytes]:
    kept = _joined(_webp_chunks(content, 8 + struct.unpack_from("<I", content, 4)[0]))
    yield struct.pack("<4sI4s", b"RIFF", 4 + len(kept), b"WEBP")
    yield kept


def _webp_chunks(content: bytes, end: int) -> Iterator[bytes]:
    at = 12
    if end > len(content):
        raise ValueError("the picture is cut off")
    while at < end:
        kind, length = struct.unpack_from("<4sI", content, at)
        following = at + 8 + length + length % 2
        if at + 8 + length > len(content):
            raise ValueError("a chunk is cut off")
        chunk = content[at:following].ljust(following - at, b"\0")
        if kind == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_FLAGS]) + chunk[9:]
        yield b"" if kind in _WEBP_DROPPED else chunk
        at = following


def _gif(content: bytes) -> Iterator[bytes]:
    """Without comments, plain texts and what applications added, except for the number of an animation's rounds."""
    at = 13 + _palette(content[10])
    yield content[:at]
    while True:
        block = content[at : at + 1]
        if block == b";":
            yield block
            return
        if block == b",":
            end = _end_of_blocks(content, at + 10 + _palette(content[at + 9]) + 1)
            yield content[at:end]
        elif block == b"!":
            end = _end_of_blocks(content, at + 2)
            label = content[at + 1]
            is_kept = label == 0xF9 or (label == 0xFF and content[at + 3 : at + 14] == _GIF_ANIMATION)
            yield content[at:end] if is_kept else b""
        else:
            raise ValueError("an unknown block")
        at = end


def _palette(flags: int) -> int:
    """Bytes of the palette that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end_of_blocks(content: bytes, at: int) -> int:
    while size := content[at]:
        at += 1 + size
    return at + 1


_CLEANERS = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp, "image/gif": _gif}
