"""Addresses in the form of a uid, which a URL can hold. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from devices.values import is_uid

_DIGEST = 8
_LONGEST = 64 - _DIGEST - 1


def key_of(address: str) -> str:
    """The address itself where it is a valid uid; else a readable form of it, with a digest so that two addresses never
    share a key."""
    if is_uid(address):
        return address
    plain = unicodedata.normalize("NFKD", address).encode("ascii", "ignore").decode()
    readable = re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-")[:_LONGEST]
    digest = hashlib.blake2b(address.encode(errors="surrogatepass"), digest_size=_DIGEST // 2).hexdigest()
    return f"{readable}-{digest}" if readable else digest
