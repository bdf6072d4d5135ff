"""The hub's web side on Daphne or uvicorn, over the tests' own database."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
from django.db import connection

from tests.servers import Server


class WebServer(Server):
    """`kind` is `daphne` or `uvicorn`; `more` are further settings."""

    def __init__(self, kind: str, folder: Path, **more: str) -> None:
        super().__init__(folder)
        self.kind = kind
        self._more = more

    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.dashboards.live.serve", self.kind, str(self.port)]

    def environment(self) -> dict[str, str]:
        database = connection.settings_dict
        url = f"sqlite:///{database['NAME']}"
        if connection.vendor == "postgresql":
            url = f"postgres://{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
        own = {"PORT": str(self.port), "DATABASE_URL": url, "DATA_DIR": str(self.folder / "data")}
        return {**os.environ, "DJANGO_SETTINGS_MODULE": "hub.settings", **own, **self._more}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def memory(self) -> int:
        """Bytes of its private memory; mapped files do not count."""
        assert self.process is not None
        found = psutil.Process(self.process.pid).memory_info()
        return int(found.rss - found.shared)
