"""Executes commands and answers them, each command once."""

from __future__ import annotations

import time
from collections import OrderedDict
from math import inf
from typing import Any

import msgspec

from bridges.simulator.physics.controls import CommandRefused
from bridges.simulator.physics.model import Model

REMEMBERED = 256
"""Answers kept to recognise a repeated command; an older one that arrives again is executed again."""


class _Command(msgspec.Struct):
    name: str
    args: dict[str, Any] = {}
    expires_at: float = inf
    """Milliseconds since 1970."""


class Answers:
    """Executes commands on a model and remembers its answers."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._given: OrderedDict[str, bytes] = OrderedDict()

    def answer(self, command_id: str, payload: bytes) -> bytes | None:
        """The answer's payload, `{"ok": true, "result": {…}}` or `{"ok": false, "error": "…"}`.

        QoS 1 may deliver a command twice, and the hub may send it again: the repeat gets the first answer. `None` for a
        command that arrives too late: nobody waits for it any more, so it is not executed.
        """
        if command_id not in self._given:
            answer = self._execute(payload)
            if answer is None:
                return None
            self._given[command_id] = msgspec.json.encode(answer)
            if len(self._given) > REMEMBERED:
                self._given.popitem(last=False)
        return self._given[command_id]

    def _execute(self, payload: bytes) -> dict[str, object] | None:
        try:
            command = msgspec.json.decode(payload, type=_Command)
            if command.expires_at < time.time() * 1000:
                return None
            return {"ok": True, "result": self._model.command(command.name, command.args)}
        except CommandRefused as error:
            return {"ok": False, "error": str(error)}
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return {"ok": False, "error": f'malformed command, expected {{"name": "…", "args": {{…}}}}: {error}'}
