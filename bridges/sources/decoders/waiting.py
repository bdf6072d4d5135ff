"""The messages that wait for one decoder, and whether its script may still run."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

from bridges.sources.decoders.calls import Call, Outcome
from bridges.sources.decoders.limits import MAX_WAITING, MAX_WAITING_BYTES, PAUSES_S, STRIKES, STRIKES_WITHIN_S

STRIKING = ("decoder_timeout", "decoder_memory")
"""Outcomes that cost others time."""


@dataclass(frozen=True, slots=True)
class Script:
    """`key`: under which workers know it. Two decoders never share one, even if their texts are equal: a script may
    keep values from one message to the next. `f_port`: of messages without one."""

    key: str
    text: str
    revision: int = 0
    f_port: int = 1

    @classmethod
    def of(cls, owner: str, text: str, revision: int = 0, f_port: int = 1) -> Script:
        return cls(f"{owner}:{blake2b(text.encode(), digest_size=16).hexdigest()}", text, revision, f_port)


@dataclass(slots=True)
class Job:
    """`sender`: the device, or nobody in particular."""

    call: Call
    done: Callable[[Outcome], None]
    sender: str = ""


@dataclass(slots=True)
class DecoderQueue:
    """Not for more than one worker at a time, so that the messages of a device stay in order."""

    decoder: int
    script: Script | None = None
    waiting: deque[Job] = field(default_factory=deque)
    bytes: int = 0
    senders: Counter[str] = field(default_factory=Counter)
    """Messages that wait, by their device."""
    is_scheduled: bool = False
    one_by_one: bool = False
    """A worker was lost with a batch: the next ones show which message it was."""
    _strikes: deque[float] = field(default_factory=lambda: deque(maxlen=STRIKES))
    _paused_until: float = 0.0
    _pauses: int = 0

    def put(self, job: Job) -> None:
        self.waiting.append(job)
        self.bytes += len(job.call.payload)
        self.senders[job.sender] += 1

    def take(self) -> Job:
        job = self.waiting.popleft()
        self.bytes -= len(job.call.payload)
        self.senders[job.sender] -= 1
        if not self.senders[job.sender]:
            del self.senders[job.sender]
        return job

    def is_full_for(self, sender: str) -> bool:
        """Whether it is full and the device has more than its part of it: one that floods loses its own messages."""
        if len(self.waiting) < MAX_WAITING and self.bytes < MAX_WAITING_BYTES:
            return False
        return self.senders[sender] >= MAX_WAITING // max(1, len(self.senders)) or self.bytes >= 2 * MAX_WAITING_BYTES

    def replace(self, script: Script) -> None:
        """A script that was changed starts anew."""
        if self.script is None or script.key != self.script.key:
            self._strikes.clear()
            self._paused_until, self._pauses, self.one_by_one = 0.0, 0, False
        self.script = script

    def is_paused(self, now: float) -> bool:
        return now < self._paused_until

    def observe(self, outcome: Outcome, now: float) -> None:
        """Pauses it after the last of several strikes."""
        if outcome.reason not in STRIKING:
            return
        self._strikes.append(now)
        if len(self._strikes) == STRIKES and now - self._strikes[0] <= STRIKES_WITHIN_S:
            if now - self._paused_until > PAUSES_S[-1]:
                self._pauses = 0
            self._paused_until = now + PAUSES_S[min(self._pauses, len(PAUSES_S) - 1)]
            self._pauses += 1
            self._strikes.clear()
