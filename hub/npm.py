"""Third-party browser code: an allow-list over `node_modules`, so that no other file in it is ever served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

# Path below `node_modules`; served as `vendor/<path>`.
ALLOWED = (
    "bootstrap/dist/css/bootstrap.min.css",
    "bootstrap/dist/css/bootstrap.min.css.map",
    "dompurify/dist/purify.es.mjs",
    "dompurify/dist/purify.es.mjs.map",
    "marked/lib/marked.esm.js",
    "marked/lib/marked.esm.js.map",
    "uplot/dist/uPlot.esm.js",
    "uplot/dist/uPlot.min.css",
)


class NpmFinder(BaseFinder):
    """Finds only the allowed files."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.root = Path(settings.BASE_DIR) / "node_modules"
        self.storage = FileSystemStorage(location=self.root)
        self.storage.prefix = "vendor"  # type: ignore[attr-defined]  # read by collectstatic and ServeStatic

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        name = path.removeprefix("vendor/")
        if path == name or name not in ALLOWED or not (self.root / name).exists():
            return []  # not None, which Django would turn into the match `[None]`
        found = str(self.root / name)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        return ((name, self.storage) for name in ALLOWED if (self.root / name).exists())
