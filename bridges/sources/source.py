"""One source: what is published at its broker, to the devices that were added and the list of those that were found."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import Pipeline
from bridges.sources.convention import MAX_ADDRESS, Encoded, Gone, Heard, Message, Publish, Rejected, SentCommand
from bridges.sources.conventions import make
from bridges.sources.decoders import uplinks
from bridges.sources.decoders.pool import pool
from bridges.sources.newcomers import Newcomers
from bridges.sources.reports import delivery_kind, without_repeats
from devices.errors import Refusal
from devices.registry.sources.found import Sighting
from devices.registry.sources.models import Source as StoredSource
from devices.runtime import stats
from devices.values import Answer, is_storable, now_us

logger = logging.getLogger("hubbub.sources")

MAX_REQUESTS = 1_000
"""Messages of the convention's own that are not published yet. The oldest are dropped, and counted."""
MAX_COMMANDS = 1_000
"""Sent commands whose outcome is looked for. The oldest end as unconfirmed if there are more."""

MAX_NAME = 120
"""Characters of a device's name; the rest is cut off."""

MAX_PROFILES = 10_000
"""Devices whose profile is remembered, for their downlinks."""

Settle = Callable[[], object]


class News(NamedTuple):
    """Devices that were heard and have not been added; addresses that are gone; names of those that were added; the
    last message that could not be read and belongs to no device, with its time in microseconds."""

    sightings: list[Sighting]
    gone: list[str]
    names: list[tuple[str, str]]
    problem: tuple[str, int] | None

    def __bool__(self) -> bool:
        return any(self[:3]) or self.problem is not None


class Source:
    """All on the event loop."""

    def __init__(self, stored: StoredSource, pipeline: Pipeline) -> None:
        """Raises `Invalid` where the stored prefix or options no longer work."""
        self.id = stored.pk
        self.adopts = stored.adopt
        self.convention = make(stored.convention, stored.prefix, stored.options)
        self.convention.started_at = now_us()
        self.name = str(stored)
        self.requests: deque[Publish] = deque()
        """Messages of the convention's own that are to be published."""
        self.on_request: Callable[[], None] = lambda: None
        """Called when there is one more of them."""
        self.newcomers = Newcomers()
        self._problem: tuple[str, int] | None = None
        self._label = stored.convention
        self._space = stored.space_id
        self._profiles: dict[str, str] = {}
        """uid -> the profile that its last encoded payload named."""
        self._pipeline = pipeline
        self._uids: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._commands: dict[str, SentCommand] = {}

    def know(self, uids: Mapping[str, str]) -> None:
        """Address -> uid of the devices that were added. What was heard of a new one until now is passed on."""
        added = [address for address in uids if address not in self._uids]
        self._uids = dict(uids)
        for address in added:
            for heard in self.newcomers.pop(address):
                self._pass_on(uids[address], heard, b"", None)

    def receive(self, message: Message, settle: Settle | None, size: int | None = None) -> None:
        """`size`: bytes of the payload, if the message has only its beginning. `settle` acknowledges it."""
        try:
            if (size or len(message.payload)) > self.convention.max_payload:
                raise Refusal("payload_too_large", f"{size or len(message.payload)} bytes", message.topic)
            findings = list(self.convention.hear(message))
        except Refusal as refusal:
            findings = [Rejected("", refusal)]
        except Exception:
            logger.exception("%s: a message on %r cannot be read", self.name, message.topic)
            findings = [Rejected("", Refusal("not_readable", key=message.topic))]
        settlement = _Settlement(settle)
        for finding in findings:
            self._handle(finding, message, settlement)
        settlement.close()

    def encoder(self, address: str) -> int | None:
        """The decoder that makes downlinks of the commands to this device: its own, or that of its profile."""
        if not self.convention.raw_downlinks or (uid := self._uids.get(address)) is None:
            return None
        return pool().assignments.decoder_for(self._space, self._profiles.get(uid, ""), uid)

    def sent(self, command: SentCommand) -> None:
        """The outcome of this command is looked for from now on."""
        while len(self._commands) >= MAX_COMMANDS:
            self._commands.pop(next(iter(self._commands)))
        self._commands[command.id] = command

    def request(self, publish: Publish) -> None:
        """Has a message of the convention's own published."""
        if len(self.requests) >= MAX_REQUESTS:
            self.requests.popleft()
            stats.dropped.labels("source_requests").inc()
        self.requests.append(publish)
        self.on_request()

    def news(self) -> News:
        """What is to be stored of what was heard since the last call."""
        sightings, gone = self.newcomers.take()
        news = News(sightings, gone, list(self._names.items()), self._problem)
        self._names, self._problem = {}, None
        return news

    def _handle(self, finding: Heard | Rejected | Gone | Publish, message: Message, settlement: _Settlement) -> None:
        if isinstance(finding, Publish):
            self.request(finding)
        elif isinstance(finding, Gone):
            self.newcomers.forget(finding.address)
        elif isinstance(finding, Rejected):
            self._reject(finding, message, settlement)
        elif not _is_address(finding.address):
            self._reject(Rejected("", Refusal("name_invalid", key=finding.address)), message, settlement)
        elif (uid := self._uids.get(finding.address)) is None:
            self.newcomers.add(replace(finding, name=_as_name(finding.name), via=_as_address(finding.via)), message.at)
        else:
            if name := _as_name(finding.name):
                self._names[finding.address] = name
            self._pass_on(uid, finding, message.payload, settlement, repeated=message.retained)

    def _pass_on(
        self, uid: str, heard: Heard, payload: bytes, settlement: _Settlement | None, *, repeated: bool = False
    ) -> None:
        self._confirm(uid, heard)
        encoded = heard.report if isinstance(heard.report, Encoded) else None
        report = heard.report.fallback if isinstance(heard.report, Encoded) else heard.report
        report = without_repeats(report) if repeated else report
        if report is None:
            return
        delivery = Delivery(
            uid,
            delivery_kind(report),
            payload,
            now_us(),
            ref=report.command_id if isinstance(report, Answer) else "",
            repeated=repeated,
            content=report,
            settle=settlement.part() if settlement is not None else None,
        )
        if encoded is not None:
            self._profiles.pop(uid, None)
            self._profiles[uid] = encoded.profile
            if len(self._profiles) > MAX_PROFILES:
                self._profiles.pop(next(iter(self._profiles)))
            uplinks.encode_delivery(delivery, encoded, self._space)
        self._pipeline.offer(delivery)

    def _confirm(self, uid: str, heard: Heard) -> None:
        """Commands to the device that this shows to be carried out have succeeded."""
        for command in [each for each in self._commands.values() if each.address == heard.address]:
            if isinstance(heard.report, Answer) and heard.report.command_id == command.id:
                del self._commands[command.id]
            elif self.convention.done(command, heard):
                del self._commands[command.id]
                answer = Answer(command.id, ok=True, result=_reported(heard, command.args))
                self._pipeline.offer(Delivery(uid, "answer", b"", now_us(), ref=command.id, content=answer))

    def _reject(self, rejected: Rejected, message: Message, settlement: _Settlement) -> None:
        refusal = rejected.refusal
        uid = self._uids.get(rejected.address)
        if uid is not None:
            self._pipeline.offer(
                Delivery(uid, rejected.kind, message.payload, message.at, refusal=refusal, settle=settlement.part())
            )
            return
        stats.sources_refused.labels(self._label, refusal.reason).inc()
        if _is_address(rejected.address):
            self.newcomers.add_problem(rejected.address, refusal.message, message.at)
        else:
            self._problem = f"{message.topic}: {refusal.message}", message.at


def _is_address(text: str) -> bool:
    return 0 < len(text) <= MAX_ADDRESS and is_storable(text)


def _as_address(text: str) -> str:
    return text if _is_address(text) else ""


def _as_name(text: str) -> str:
    """A name as the database can hold it: PostgreSQL would refuse all that is stored with another one, each time."""
    return text[:MAX_NAME] if is_storable(text) else ""


def _reported(heard: Heard, args: Mapping[str, Any]) -> dict[str, Any]:
    """The values that confirm a command."""
    samples = getattr(heard.report, "samples", ())
    wanted = {sample.metric: sample.value for sample in samples if sample.metric in args}
    return wanted or {sample.metric: sample.value for sample in samples[:20]}


class _Settlement:
    """Acknowledges a message once all of its parts are stored."""

    def __init__(self, settle: Settle | None) -> None:
        self._settle = settle
        self._open = 1

    def part(self) -> Settle | None:
        if self._settle is None:
            return None
        self._open += 1
        return self.close

    def close(self) -> None:
        self._open -= 1
        if not self._open and self._settle is not None:
            self._settle()
