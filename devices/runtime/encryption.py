"""Encrypts what the hub must be able to read again, such as the password of a broker, with the hub's secret key."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes

from devices.errors import Invalid


def encrypt(text: str) -> str:
    """`text` in a form that only a hub with the same secret key can read. An empty text stays empty."""
    return _fernet().encrypt(text.encode()).decode() if text else ""


def decrypt(encrypted: str) -> str:
    """Raises `Invalid` if it was encrypted with another secret key."""
    if not encrypted:
        return ""
    try:
        return _fernet().decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise Invalid("it was stored with another secret key: enter it again") from None


def _fernet() -> MultiFernet:
    """Also reads what was encrypted with an earlier key of `SECRET_KEY_FALLBACKS`."""
    return MultiFernet([_of_key(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _of_key(key: str | bytes) -> Fernet:
    derived = HKDF(SHA256(), 32, salt=None, info=b"hubbub stored secrets").derive(force_bytes(key))
    return Fernet(base64.urlsafe_b64encode(derived))
