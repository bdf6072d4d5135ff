"""The addresses of webhooks are secrets: they stay out of all logs. For Daphne's own: `hub.daphne.access_log`."""

from __future__ import annotations

import logging
import re
from typing import Any

_SECRET = re.compile(r"(/api/v1/hooks/)[^\s/?#\"']+")


def hidden(text: str) -> str:
    return _SECRET.sub(r"\1…", text)


class HideSecrets(logging.Filter):
    """Changes records and lets all of them through."""

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
