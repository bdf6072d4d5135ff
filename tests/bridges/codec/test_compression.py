from __future__ import annotations

import gzip
import tracemalloc

import pytest

from bridges.codec.compression import decompress
from bridges.codec.json_reading import MAX_PAYLOAD
from devices.errors import Refusal

PLAIN = b'{"t": 1}'
PACKED = gzip.compress(PLAIN, mtime=0)  # without the time, which would be part of names of tests


@pytest.mark.parametrize(
    ("payload", "encoding"), [(PLAIN, ""), (PLAIN, "identity"), (PACKED, "gzip"), (PACKED, " GZIP"), (PACKED, "x-gzip")]
)
def test_a_payload_is_read_in_its_encoding(payload: bytes, encoding: str) -> None:
    assert decompress(payload, encoding) == PLAIN


@pytest.mark.parametrize(
    ("payload", "encoding", "reason"),
    [
        (PLAIN, "gzip", "invalid_gzip"),
        (PACKED[:-4], "gzip", "invalid_gzip"),
        (PACKED + PACKED, "gzip", "invalid_gzip"),
        (b"", "gzip", "invalid_gzip"),
        (PACKED, "br", "unknown_encoding"),
        (PACKED, "gzip, gzip", "unknown_encoding"),
        (gzip.compress(b" " * (MAX_PAYLOAD + 1), mtime=0), "gzip", "payload_too_large"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(payload: bytes, encoding: str, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        decompress(payload, encoding)
    assert caught.value.reason == reason


def test_a_small_payload_cannot_fill_the_memory() -> None:
    bomb = gzip.compress(b"\0" * (100 << 20), compresslevel=9)
    assert len(bomb) < MAX_PAYLOAD
    tracemalloc.start()
    with pytest.raises(Refusal, match="larger than"):
        decompress(bomb, "gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MAX_PAYLOAD
