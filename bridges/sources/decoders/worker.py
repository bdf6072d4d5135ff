"""The process that runs scripts: it reads batches from its standard input and writes their outcomes to its output."""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections import OrderedDict
from typing import BinaryIO

from bridges.sources.decoders.calls import LENGTH_BYTES, Call, CallBatch, Outcome, encode, frame, read_batch
from bridges.sources.decoders.limits import BATCH_CPU_S, MAX_SCRIPTS, PROCESS_BYTES
from bridges.sources.decoders.sandbox import Sandbox, ScriptFailed

LAST_RESORT_S = 10.0
"""A worker that is busy for so long ends itself: the hub, which would have killed it, may be gone."""


class Worker:
    """Keeps the scripts that were used last. The hub keeps the same list, and sends a script only if it is missing."""

    def __init__(self) -> None:
        self._scripts: OrderedDict[str, str] = OrderedDict()
        self._loaded: dict[str, Sandbox] = {}

    def run(self, batch: CallBatch) -> list[Outcome]:
        """The outcomes of the first calls at least of the batch; the others have to be sent again."""
        if not batch.calls:  # the hub asks whether the worker is ready
            return []
        if batch.script is not None:
            self._scripts[batch.key] = batch.script
        self._scripts.move_to_end(batch.key)
        while len(self._scripts) > MAX_SCRIPTS:
            key, _ = self._scripts.popitem(last=False)
            self._loaded.pop(key, None)
        outcomes: list[Outcome] = []
        until = time.process_time() + BATCH_CPU_S
        for call in batch.calls:
            outcomes.append(self._call(batch.key, call))
            if time.process_time() > until:
                break
        return outcomes

    def _call(self, key: str, call: Call) -> Outcome:
        try:
            sandbox = self._loaded.get(key) or self._load(key)
        except ScriptFailed as failed:
            return Outcome(reason=failed.reason, detail=failed.detail, line=failed.line)
        outcome = sandbox.call(call)
        if sandbox.is_lost:
            del self._loaded[key]
        return outcome

    def _load(self, key: str) -> Sandbox:
        made = self._loaded[key] = Sandbox(self._scripts[key])
        return made


def confine() -> None:
    """Whatever a script might make of a flaw in the engine, it may neither fill the memory nor write a file."""
    resource.setrlimit(resource.RLIMIT_AS, (PROCESS_BYTES, PROCESS_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Until the source ends, as it does with the hub."""
    worker = Worker()
    while length := source.read(LENGTH_BYTES):
        batch = read_batch(source.read(int.from_bytes(length)))
        signal.setitimer(signal.ITIMER_REAL, LAST_RESORT_S)
        sink.write(frame(encode(worker.run(batch))))
        sink.flush()
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer)
