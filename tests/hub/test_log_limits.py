from __future__ import annotations

import logging
import sys

from hub.log_limits import OnceAMinute
from tests.dashboards.live.conftest import HandClock


def record(name: str, text: str, *args: object) -> logging.LogRecord:
    try:
        raise ValueError("x" * 1_000)
    except ValueError:
        return logging.LogRecord(name, logging.ERROR, "", 0, text, args, sys.exc_info())


def test_one_line_a_minute_names_how_many_were_left_out() -> None:
    clock = HandClock()
    limit = OnceAMinute(clock)
    lines = []
    for _ in range(150):
        made = record("django.security.DisallowedHost", "Invalid HTTP_HOST header: %r", "evil")
        if limit.filter(made):
            lines.append((made.getMessage(), made.exc_info))
        clock.forward(1)
    text = "Invalid HTTP_HOST header: 'evil'"
    assert lines == [(text, None)] + [(f"{text} (59 more since the last line)", None)] * 2


def test_kinds_do_not_hide_each_other_and_everything_else_passes() -> None:
    limit = OnceAMinute(HandClock())
    assert limit.filter(record("django.security.csrf", "Forbidden"))
    assert limit.filter(record("asyncio", "socket.accept() out of system resource\nsocket: 5"))
    assert not limit.filter(record("asyncio", "socket.accept() out of system resource\nsocket: 5"))
    for _ in range(3):
        other = record("hubbub", "something failed")
        assert limit.filter(other)
        assert other.exc_info


def test_a_record_that_passes_two_handlers_is_one() -> None:
    limit = OnceAMinute(HandClock())
    made = record("django.security.csrf", "Forbidden")
    assert limit.filter(made)
    assert limit.filter(made)
