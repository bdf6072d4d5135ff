"""People in one room, through programs that do what docs/protocol/chat.md says of resuming."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

ANSWER_S = 15
PAUSE_S = 0.3
"""Before a client comes back, and before it repeats what was not answered."""

GONE = (OSError, TimeoutError, WebSocketException)


class Unanswered(Exception):
    """The connection was lost, or nothing came in time."""


@dataclass
class Talker:
    """Follows the room, and says things in it. `url()` is asked anew at each connection: `http://…`."""

    url: Callable[[], str]
    token: str
    room: int
    log: list[tuple[int, str]] = field(default_factory=list)
    """(seq, text), as the client took them."""
    resyncs: int = 0
    comebacks: int = -1
    present: set[str] = field(default_factory=set)
    _socket: ClientConnection | None = None
    _replies: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _task: asyncio.Task[None] | None = None

    @property
    def last(self) -> int:
        return self.log[-1][0] if self.log else 0

    async def __aenter__(self) -> Talker:
        self._task = asyncio.create_task(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def say(self, text: str) -> None:
        """Returns once the hub has it. The key makes a repeat harmless."""
        while True:
            with suppress(*GONE, Unanswered):
                reply = await self._ask("message", room=self.room, text=text, key=text)
                if reply["ok"]:
                    return
                assert reply["error"]["retry"], reply
            await asyncio.sleep(PAUSE_S)

    async def _live(self) -> None:
        while True:
            self.comebacks += 1
            headers = {"Authorization": f"Bearer {self.token}"}
            with suppress(*GONE):
                async with connect(self.url().replace("http", "ws", 1) + "/ws/", additional_headers=headers) as socket:
                    self._socket = socket
                    await self._read(socket)
            self._socket = None
            for waiting in self._replies.values():
                waiting.cancel()
            self._replies.clear()
            await asyncio.sleep(PAUSE_S)

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            frame = json.loads(text)
            if "reply" in frame:
                await self._take_reply(frame)
                continue
            match frame["type"]:
                case "welcome":
                    await self._subscribe()
                case "message":
                    self._take(frame)
                case "presence":
                    self.present = (self.present | set(frame["joined"])) - set(frame["left"])
                case "resync":
                    self.resyncs += 1
                    await self._subscribe()
                case "ping":
                    await socket.send(json.dumps({"type": "pong"}))

    async def _subscribe(self) -> None:
        assert self._socket is not None
        after = {"after_seq": self.last}
        await self._socket.send(json.dumps({"id": "room", "type": "subscribe", "stream": f"room:{self.room}", **after}))

    async def _take_reply(self, frame: dict[str, Any]) -> None:
        if frame["reply"] != "room":
            waiting = self._replies.pop(frame["reply"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)
        elif not frame["ok"]:
            assert frame["error"]["retry"], frame
            await asyncio.sleep(PAUSE_S)
            await self._subscribe()
        else:
            for message in frame["result"]["messages"]:
                self._take(message)
            self.present = set(frame["result"]["presence"])
            if self.last < frame["result"]["seq"]:
                await self._subscribe()

    def _take(self, message: dict[str, Any]) -> None:
        if message["seq"] <= self.last:
            return  # told before the client asked again
        assert message["seq"] == self.last + 1, f"{message['seq']} follows {self.last}"
        self.log.append((message["seq"], message["text"]))

    async def _ask(self, type: str, **fields: Any) -> dict[str, Any]:
        if self._socket is None:
            raise ConnectionError("there is no connection")
        id = next(self._ids)
        answer = self._replies[id] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": id, "type": type, **fields}))
        done, _ = await asyncio.wait([answer], timeout=ANSWER_S)
        if not done or answer.cancelled():
            raise Unanswered
        return answer.result()


@dataclass
class Listener:
    """A plain client: hears, from when it is there, what is said."""

    url: str
    token: str
    room: int
    heard: list[str] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Listener:
        self._task = asyncio.create_task(self._live())
        async with asyncio.timeout(ANSWER_S):
            await self._ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _live(self) -> None:
        address = self.url.replace("http", "ws", 1) + f"/ws/chat/{self.room}/"
        async with connect(address, additional_headers={"Authorization": f"Bearer {self.token}"}) as socket:
            await socket.send("{}")  # the answer comes once the room has been entered
            async for text in socket:
                frame = json.loads(text)
                if "error" in frame:
                    self._ready.set()
                else:
                    self.heard.append(frame["message"])
