"""Commands that programs publish at the embedded broker, on `devices/<uid>/set` and `devices/<uid>/set/<arg>`."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, Protocol

import msgspec

from bridges.broker import Done, ForbiddenRequest, Published, Unaccepted
from bridges.embedded.programs import response_space, username_of
from bridges.mqtt import topics
from bridges.mqtt.packets import MessageProperties, ReasonCode
from devices.access import Person
from devices.commands import lifecycle
from devices.errors import Forbidden, HubbubError, Invalid, NotFound, TooLarge, TooMany, Unavailable
from devices.runtime import database, stats
from devices.runtime.log_throttle import LogThrottle
from devices.runtime.request_rates import rates
from devices.spaces import people

logger = logging.getLogger("hubbub.programs")

MAX_WAITING = 200
"""Commands of one person that wait for the database. A further one is refused, and counted."""
STOP_S = 5.0
"""How long the commands that are being stored may take when the hub stops."""
COMMAND = "set"
RESPONSE_EXPIRY_S = 60.0
"""How long a response waits for a program that is offline or slow."""

_CODES = {
    "invalid": ReasonCode.PAYLOAD_FORMAT_INVALID,
    "too_large": ReasonCode.QUOTA_EXCEEDED,
    "too_many": ReasonCode.QUOTA_EXCEEDED,
    "unavailable": ReasonCode.UNSPECIFIED_ERROR,
    "internal": ReasonCode.UNSPECIFIED_ERROR,
}
"""By the code of the error; the others are faults of rights."""


class Responder(Protocol):
    """The broker, as far as responses need it."""

    def publish(
        self, topic: str, payload: bytes, expires_in_s: float | None = None, *, properties: MessageProperties | None
    ) -> None: ...


class ProgramCommands:
    """Issues commands in the names of people: those of one person in order, those of different people side by side."""

    def __init__(self) -> None:
        self._responder: Responder | None = None
        self._queues: dict[str, deque[tuple[Published, Done | None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._logged: dict[str, LogThrottle] = {}
        self._stopping = False

    def attach(self, responder: Responder) -> None:
        self._responder = responder

    async def stop(self) -> None:
        """What is still waiting is not acknowledged, so that its program sends it again. What is being stored is: sent
        again, it would be another command."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def offer(self, published: Published, done: Done | None) -> None:
        if self._stopping:
            return
        queue = self._queues.get(published.account)
        if queue is None:
            queue = self._queues[published.account] = deque()
            task = asyncio.create_task(self._work(published.account, queue), name="commands of programs")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if len(queue) >= MAX_WAITING:
            self._refuse(published, done, TooMany(f"{MAX_WAITING} commands are waiting to be issued"))
        else:
            queue.append((published, done))

    def report(self, forbidden: ForbiddenRequest) -> None:
        """Something that the broker refused a program. It has logged that itself."""
        stats.errors.labels("mqtt", "too_many" if forbidden.action == "connect" else "forbidden").inc()

    async def _work(self, account: str, queue: deque[tuple[Published, Done | None]]) -> None:
        try:
            while queue and not self._stopping:
                await self._handle(*queue[0])
                queue.popleft()
        finally:
            del self._queues[account]

    async def _handle(self, published: Published, done: Done | None) -> None:
        try:
            command = await _issue(published)
        except HubbubError as error:
            self._refuse(published, done, error)
            return
        except database.UNAVAILABLE_ERRORS:
            self._refuse(published, done, Unavailable("the database is unavailable"))
            return
        except Exception:  # the next commands of the person must be issued all the same
            logger.exception("a command of a program could not be issued")
            self._refuse(published, done, Unavailable("an error in the hub; see its log"))
            return
        if done is not None:
            done()
        self._respond(published, {"command": command, "status": "queued"})

    def _refuse(self, published: Published, done: Done | None, error: HubbubError) -> None:
        stats.errors.labels("mqtt", error.code).inc()
        text = f"{published.account!r} could not publish on {published.topic[:128]!r}: {error.message}"
        self._logged.setdefault(error.code, LogThrottle()).warning(logger, text)
        if done is not None:
            done(Unaccepted(_CODES.get(error.code, ReasonCode.NOT_AUTHORIZED), error.message))
        self._respond(published, {"error": {"code": error.code, "message": error.message}})

    def _respond(self, published: Published, content: dict[str, Any]) -> None:
        asked = published.properties
        if asked is None or not asked.response_topic or not _may_respond(published, asked.response_topic):
            return
        if self._responder is not None:
            properties = MessageProperties(correlation_data=asked.correlation_data)
            payload = msgspec.json.encode(content)
            self._responder.publish(asked.response_topic, payload, RESPONSE_EXPIRY_S, properties=properties)


async def _issue(published: Published) -> str:
    """The id of the command. Raises `HubbubError`, or what the database raises."""
    username, address = username_of(published.account), topics.parse_set(published.topic)
    person = None if username is None else await database.run(people.find_person, username)
    if person is None or address is None:
        raise NotFound("there is no such person or topic")
    rates.admit(person.pk, "mqtt")
    if published.properties is not None and published.properties.response_topic:
        _check_response_topic(published, published.properties.response_topic)
    args = _args(published, address.arg)
    return await _queued(person, address.uid, args)


async def _queued(person: Person, uid: str, args: dict[str, Any]) -> str:
    command = await lifecycle.issue(person, uid, COMMAND, args)
    return command.id


def _check_response_topic(published: Published, topic: str) -> None:
    if not _may_respond(published, topic):
        raise Forbidden("a response topic has to lie below the response information of the login")


def _may_respond(published: Published, topic: str) -> bool:
    space = response_space(username_of(published.account) or "")
    return space is not None and topic.startswith(space) and not set(topic) & set("+#\0")


def _args(published: Published, arg: str) -> dict[str, Any]:
    """Raises `Invalid`, `TooLarge`."""
    if published.size > len(published.payload):
        raise TooLarge(f"{published.size} bytes are too many for a command")
    if arg:
        return {arg: _value(published.payload)}
    try:
        args = msgspec.json.decode(published.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        args = None
    if not isinstance(args, dict):
        raise Invalid('the payload is not a JSON object of arguments, such as {"speed": 40}')
    return args


def _value(payload: bytes) -> Any:
    """JSON if it is that, else text: programs publish `ON` as often as `true`. Raises `Invalid`."""
    if not payload:
        raise Invalid("the payload is empty")
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise Invalid("the payload is neither JSON nor text in UTF-8") from None
