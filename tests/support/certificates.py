"""Certificates for a server on this machine."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CertificateFiles:
    cert: Path
    key: Path


def make_certificate(folder: Path, name: str = "localhost") -> CertificateFiles:
    """Signed by itself; clients trust its own file."""
    files = CertificateFiles(folder / "cert.pem", folder / "key.pem")
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    paths = ["-keyout", str(files.key), "-out", str(files.cert)]
    subprocess.run(["openssl", "req", "-x509", *options, *names, *paths], check=True, capture_output=True)
    return files
