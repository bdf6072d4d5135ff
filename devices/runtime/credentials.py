"""Creates and checks secrets of devices and tokens of people, which are shown once and stored as hashes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

# Mosquitto's own default. The secrets are random 256-bit numbers, so a dictionary does not help an attacker and the
# iterations need not slow one down.
_ITERATIONS = 101

TOKEN_PREFIX = "hubbub_"  # noqa: S105 - lets secret scanners recognise a token


def new_secret() -> str:
    """A random 256-bit secret as 64 hexadecimal digits, which need no escaping in a shell or a C string."""
    return secrets.token_hex(32)


def hash_secret(secret: str) -> str:
    """`secret` in the form of Mosquitto's password files: `$7$iterations$salt$PBKDF2-SHA512`."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def secret_matches(secret: str, hashed: str) -> bool:
    """Whether `hashed` was made from `secret`; takes the same time for every wrong secret."""
    try:
        _, kind, iterations, salt, digest = hashed.split("$")
        known = base64.b64decode(digest)
        given = hashlib.pbkdf2_hmac(
            "sha512", secret.encode(errors="surrogatepass"), base64.b64decode(salt), int(iterations)
        )
    except ValueError:
        return False
    return kind == "7" and hmac.compare_digest(given, known)


def new_token() -> str:
    """A random 256-bit API token."""
    return f"{TOKEN_PREFIX}{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> str:
    """SHA-256 in hexadecimal. It serves as a look-up key, which is safe because the token is random."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
