"""Wills of lost connections: published at once, or later if their clients asked for a delay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bridges.mqtt.packets import Will

from .session import Session


class Wills:
    """`publish` hands a will on, with the session that it belongs to. One will may wait for each session."""

    def __init__(self, publish: Callable[[Will, Session], None]) -> None:
        self._publish = publish
        self._waiting: dict[Session, tuple[asyncio.TimerHandle, Will]] = {}

    def lost(self, session: Session, will: Will) -> None:
        """The session's connection has ended, and not as its client intended."""
        delay_s = min(will.delay_s, session.expiry_s)
        if delay_s <= 0:
            self._publish(will, session)
            return
        timer = asyncio.get_running_loop().call_later(delay_s, self.publish_now, session)
        self._waiting[session] = timer, will

    def resumed(self, session: Session) -> None:
        """Its client is back in time."""
        waiting = self._waiting.pop(session, None)
        if waiting is not None:
            waiting[0].cancel()

    def publish_now(self, session: Session) -> None:
        """The time has passed, or the session ends before."""
        waiting = self._waiting.pop(session, None)
        if waiting is not None:
            timer, will = waiting
            timer.cancel()
            self._publish(will, session)

    def close(self) -> None:
        """The broker stops."""
        for timer, _ in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
