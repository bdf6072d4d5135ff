"""The address of a broker: where it is, how to sign in there, and how to verify it. It knows no settings."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_TLS_FILES = ("ca", "cert", "key")
_FILES = (*_TLS_FILES, "password_file")
"""Keys of the URL's query, and fields of the address."""


class AddressError(Exception):
    """A broker's address cannot be used. The text leaves the address out: it may hold a password."""


class FileUnusable(AddressError, OSError):
    """A file that an address names cannot be read or does not hold what it should.

    An `OSError` too: where it happens at a later connection, as while certificates are being replaced, it is one more
    reason to try again.
    """


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """An MQTT server, and how to sign in there.

    `ca`: a PEM file with the authorities to trust in place of the system's; `ca_text`: the same as text. `cert` and
    `key`: PEM files of our own certificate, for a broker that asks for one; without `key`, `cert` holds both.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    password_file: Path | None = None
    ca_text: str = field(default="", kw_only=True)

    @classmethod
    def from_url(cls, url: str) -> BrokerAddress:
        """`mqtt://[user:password@]host[:port]`, or `mqtts://` for TLS; `?ca=…&cert=…&key=…&password_file=…` name files.

        Reads none of the files. Raises `AddressError`.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            (parts.hostname or "").encode("idna")  # a look-up would fail on it
        except ValueError:
            raise AddressError("the broker's address has an invalid host or port") from None
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.path.strip("/") or parts.fragment:
            raise AddressError("the broker's address must be mqtt://host[:port] or mqtts://host[:port]")
        return cls(
            host=parts.hostname,
            port=port or DEFAULT_PORTS[parts.scheme],  # nobody listens on port 0
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=parts.scheme == "mqtts",
            **_files(parts),  # type: ignore[arg-type]  # its keys are those of the fields with paths
        )

    def with_secrets(self) -> BrokerAddress:
        """The address with the password of its file, once all files it names have proved usable.

        Raises `FileUnusable`.
        """
        self.tls_context()
        return self.with_password()

    def with_password(self) -> BrokerAddress:
        """The address with the password of its file, if it names one. Raises `FileUnusable`."""
        if self.password_file is None:
            return self
        try:
            password = self.password_file.read_text().rstrip("\r\n")  # a file made with an editor ends with a newline
        except (OSError, ValueError) as error:
            raise _unusable("password_file", self.password_file, error) from None
        if not password:
            raise FileUnusable(f"password_file: {self.password_file} is empty")
        return replace(self, password=password, password_file=None)

    def tls_context(self) -> ssl.SSLContext | None:
        """How to check the broker's certificate and show ours; None without TLS. Raises `FileUnusable`.

        Made anew for each connection, so that certificates may be replaced while the hub runs.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca, cadata=self.ca_text or None)
        except (OSError, ValueError) as error:
            if self.ca_text:
                raise FileUnusable("the certificate of the authority is not in PEM") from None
            raise _unusable("ca", self.ca, error) from None
        if self.cert is not None:
            _load_certificate(context, self.cert, self.key)
        return context

    def for_others(self) -> str:
        """The URL for a program with an account of its own: without our credentials, with the authorities to trust."""
        return f"{self}?{urlencode({'ca': str(self.ca)}, quote_via=quote)}" if self.ca else str(self)

    def __str__(self) -> str:
        """Without the credentials: this goes into logs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def _files(parts: SplitResult) -> dict[str, Path]:
    try:
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
    except ValueError:
        raise AddressError("what follows ? in the broker's address must be key=value, joined with &") from None
    given = dict(query)
    if not given.keys() <= set(_FILES):
        # Not which: it may be a piece of a password with a "?" in it.
        raise AddressError(f"the broker's address takes {', '.join(_FILES)} after ?, and nothing else")
    if len(given) < len(query) or not all(given.values()):
        raise AddressError("the broker's address names each file after ? once")
    if parts.scheme != "mqtts" and (beside := [name for name in _TLS_FILES if name in given]):
        raise AddressError(f"{', '.join(beside)} in the broker's address needs mqtts://")
    if "key" in given and "cert" not in given:
        raise AddressError("key in the broker's address needs cert")
    if "password_file" in given and (parts.password or not parts.username):
        raise AddressError("password_file in the broker's address needs a user name without a password")
    return {name: Path(value) for name, value in given.items()}


def _load_certificate(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    for name, path in (("cert", cert), ("key", key)):
        try:
            if path is not None:
                path.open("rb").close()  # OpenSSL does not report which of the two it could not read
        except OSError as error:
            raise _unusable(name, path, error) from None
    try:
        # Without a password of our own OpenSSL would ask for one at the terminal.
        context.load_cert_chain(cert, key, password="")
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or "not PEM"
        raise FileUnusable(
            f"cert, key: {cert} and {key or cert} are not a certificate and its key in PEM without a passphrase: {why}"
        ) from None


def _unusable(name: str, path: Path | None, error: Exception) -> FileUnusable:
    why = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
    return FileUnusable(f"{name}: {path} cannot be used: {why}")
