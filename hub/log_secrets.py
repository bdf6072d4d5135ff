"""Keeps the addresses of webhooks, which are secrets, out of all logs. Daphne's own: `hub.daphne.access_log`."""

from __future__ import annotations

import logging
import re
from typing import Any

_SECRET = re.compile(r"(/api/v1/hooks/)[^\s/?#\"']+")


def hidden(text: str) -> str:
    """The text with the secret part of every webhook's address replaced."""
    return _SECRET.sub(r"\1…", text)


class HideSecrets(logging.Filter):
    """Replaces secrets in records; it filters none out."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _hidden(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(map(_hidden, record.args))
        return True


def hide_in_uvicorn() -> None:
    """Filters uvicorn's access log, whatever command started it."""
    logging.getLogger("uvicorn.access").addFilter(HideSecrets())


def _hidden(value: Any) -> Any:
    return hidden(value) if isinstance(value, str) else value
