"""One script in a JavaScript engine of its own, with no access to anything outside."""

from __future__ import annotations

import re
import time
from pathlib import Path

import msgspec
import quickjs

from bridges.sources.decoders.calls import Call, Outcome
from bridges.sources.decoders.limits import (
    CPU_S,
    LOAD_CPU_S,
    MAX_NOTE,
    MAX_NOTES,
    MAX_RESULT,
    MEMORY_BYTES,
    STACK_BYTES,
)

MAX_SCRIPT = 256 << 10
"""Bytes of a script."""
_PRELUDE = "\n" * MAX_SCRIPT + Path(__file__).with_name("prelude.js").read_text()
"""Below every line that a script can have: the engine names no files, so its line shows whose error it is."""
_FIND = """(typeof decodeUplink === "function") ? decodeUplink
  : (typeof Decode === "function") ? (i) => ({data: Decode(i.fPort, i.bytes, i.variables)})
  : (typeof Decoder === "function") ? (i) => ({data: Decoder(i.bytes, i.fPort)}) : null"""
_FUNCTIONS = f"""(prepare) => prepare({_FIND},
  typeof encodeDownlink === "function" ? encodeDownlink : null,
  typeof normalizeUplink === "function" ? normalizeUplink : null)"""
_LINE = re.compile(r"<input>:(\d+)")
_LOST = ("decoder_timeout", "decoder_memory", "decoder_recursion")
"""After one of these the engine is in a state that no later message should find."""


class ScriptFailed(Exception):
    """What went wrong in a script: a reason of `devices.errors.REFUSALS`, words and the line."""

    def __init__(self, reason: str, detail: str, line: int) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.line = reason, detail, line


class Sandbox:
    """A script, ready to be called. Raises `ScriptFailed` if it cannot be loaded."""

    def __init__(self, script: str) -> None:
        self._context = quickjs.Context()
        self._context.set_memory_limit(MEMORY_BYTES)
        self._context.set_max_stack_size(STACK_BYTES)
        self._context.set_time_limit(LOAD_CPU_S)
        try:
            prepare = self._context.eval(_PRELUDE)
            self._context.eval(script)
            self._call = self._context.eval(_FUNCTIONS)(prepare)
        except Exception as error:
            raise failure(error) from None
        self._context.set_time_limit(CPU_S)
        self.is_lost = False

    def call(self, call: Call) -> Outcome:
        """Never raises: whatever goes wrong in the script is the outcome."""
        began = time.process_time_ns()
        try:
            outcome = _outcome(self._run(call))
        except ScriptFailed as failed:
            outcome = Outcome(reason=failed.reason, detail=failed.detail, line=failed.line)
            self.is_lost = failed.reason in _LOST
        outcome.us = (time.process_time_ns() - began) // 1000
        if call.trial and not self.is_lost:
            outcome.console = msgspec.json.decode(self._call("console"), type=list[str])
        return outcome

    def _run(self, call: Call) -> str:
        try:
            if call.is_downlink:
                returned = self._call("downlink", call.payload.decode())
            else:
                # Floats, since the binding hands over only the lower 32 bits of an integer.
                given = (call.payload.hex(), call.f_port, float(call.at), float(call.time), call.variables)
                returned = self._call("uplink", *given)
        except Exception as error:
            raise failure(error) from None
        return str(returned)


def failure(error: Exception) -> ScriptFailed:
    """An error of the engine in our words."""
    text = str(error)
    message = text.partition("\n")[0].strip()[:MAX_NOTE]
    line = next((int(found) for found in _LINE.findall(text) if int(found) < MAX_SCRIPT), 0)
    if isinstance(error, quickjs.StackOverflow):
        return ScriptFailed("decoder_recursion", "", line)
    if message == "InternalError: interrupted":
        return ScriptFailed("decoder_timeout", f"more than {CPU_S * 1000:.0f} ms", line)
    # Without memory for the error itself, the engine throws null.
    if message in ("InternalError: out of memory", "null") or isinstance(error, MemoryError):
        return ScriptFailed("decoder_memory", f"more than {MEMORY_BYTES >> 20} MiB", line)
    return ScriptFailed("decoder_failed", message, line)


class _Noted(msgspec.Struct):
    json: str
    warnings: list[str]


def _outcome(returned: str) -> Outcome:
    """The first character says what the script returned; see `prelude.js`."""
    kind, content = returned[:1], returned[1:]
    if len(content) > MAX_RESULT:
        return Outcome(reason="decoder_result", detail=f"more than {MAX_RESULT >> 10} KiB")
    if kind == "=":
        return Outcome(json=content.encode())
    if kind == "!":
        errors: list[str] = msgspec.json.decode(content, type=list[str])
        return Outcome(reason="decoder_error", detail="; ".join(_cut(errors)))
    if kind == "+":
        noted = msgspec.json.decode(content, type=_Noted)
        return Outcome(json=noted.json.encode(), warnings=_cut(noted.warnings))
    if kind == "-":
        return Outcome(reason="decoder_failed", detail=f"the script has no function {content}")
    return Outcome(reason="decoder_result", detail=_wanted(content))


def _wanted(content: str) -> str:
    return f"it returned {content[:MAX_NOTE]}; an object with `data` is expected"


def _cut(notes: list[str]) -> list[str]:
    return [note[:MAX_NOTE] for note in notes[:MAX_NOTES]]
