"""The certificate of the embedded broker, which may be replaced while the hub runs."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

logger = logging.getLogger("hubbub")

CHECK_S = 10.0
"""How often it is checked whether the files have changed."""


class CertificateUnusable(Exception):
    """The text names the setting to change."""


class Certificate:
    """The files of `MQTT_TLS_CERT` and `MQTT_TLS_KEY`, in PEM, and the context that has loaded them."""

    def __init__(self, cert: Path | None, key: Path | None) -> None:
        """Raises `CertificateUnusable`."""
        if cert is None or key is None:
            missing, given = ("MQTT_TLS_CERT", "MQTT_TLS_KEY") if cert is None else ("MQTT_TLS_KEY", "MQTT_TLS_CERT")
            raise CertificateUnusable(f"{given} needs {missing} as well")
        self._cert, self._key = cert, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._loaded = self._state()
        self._load()

    async def keep_current(self) -> None:
        """Loads the files again whenever they change. Connections that are open keep their certificate."""
        while True:
            await asyncio.sleep(CHECK_S)
            self.reload_if_changed()

    def reload_if_changed(self) -> None:
        """Files that cannot be used are reported, and the certificate stays."""
        try:
            found = self._state()
            if found == self._loaded:
                return
            self._loaded = found
            self._load()
        except CertificateUnusable as error:
            logger.error("the certificate of the broker stays as it is: %s", error)
        else:
            logger.info("the broker has a new certificate")

    def _state(self) -> tuple[tuple[int, int, int], ...]:
        return tuple(_file_state(name, path) for name, path in self._files())

    def _load(self) -> None:
        # Into a new context first: one that has loaded a certificate without its key serves neither.
        for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):
            try:
                # Without a password of our own OpenSSL would ask for one at the terminal.
                context.load_cert_chain(self._cert, self._key, password="")
            except (OSError, ValueError) as error:
                why = getattr(error, "reason", None) or "not PEM"
                raise CertificateUnusable(
                    f"MQTT_TLS_CERT and MQTT_TLS_KEY: {self._cert} and {self._key} are not a certificate and its key"
                    f" in PEM without a passphrase: {why}"
                ) from None

    def _files(self) -> tuple[tuple[str, Path], ...]:
        return ("MQTT_TLS_CERT", self._cert), ("MQTT_TLS_KEY", self._key)


def _file_state(setting: str, path: Path) -> tuple[int, int, int]:
    """Differs once the file is another one."""
    try:
        with path.open("rb"):  # OpenSSL does not report which of the two it could not read
            found = path.stat()
    except OSError as error:
        raise CertificateUnusable(f"{setting}: {path} cannot be read: {error.strerror}") from None
    return found.st_mtime_ns, found.st_size, found.st_ino
