"""For clients that can neither acknowledge nor ask again: the hub does both in their place."""

from __future__ import annotations

from collections.abc import Awaitable

from dashboards.live import frames, handlers, pushes
from dashboards.live.consumers.live import LiveConsumer
from dashboards.live.frames import Frame, LogFrame, ResyncFrame, RoomSnapshotFrame, TelemetryFrame
from dashboards.live.relays import Relays
from devices.errors import HubbubError

_ROOM = "room:"


class FollowingConsumer(LiveConsumer):
    """Whatever is written counts as acknowledged: the flow control is the socket's own. Where messages of a room may be
    missing, they are read from its log, and each is delivered once."""

    def __init__(self, relays: Relays) -> None:
        super().__init__(relays)
        self.positions: dict[int, int] = {}
        """Room -> seq up to which the client has its log."""

    def deliver(self, frame: Frame) -> Awaitable[None]:
        """Writes a frame in the form of the client."""
        raise NotImplementedError

    async def write(self, frame: Frame) -> None:
        if isinstance(frame, ResyncFrame):
            await self._resync(frame)
        else:
            await self._deliver(frame)

    async def _deliver(self, frame: Frame) -> None:
        if isinstance(frame, LogFrame) and frame.seq <= self.positions.get(frame.room_id, 0):
            return  # read from the log already, for a loss that was reported twice
        if isinstance(frame, LogFrame | RoomSnapshotFrame):
            self.positions[frame.room_id] = frame.seq
        await self.deliver(frame)
        if isinstance(frame, TelemetryFrame):
            self.connection.acknowledge(frame.n)
        else:
            self.connection.note_sign_of_life()

    async def _resync(self, frame: ResyncFrame) -> None:
        rooms = [stream for stream in frame.streams if stream.startswith(_ROOM)]
        if others := [stream for stream in frame.streams if stream not in rooms]:
            await self._deliver(frames.resync(others, frame.reason))
        for stream in rooms:
            await self._catch_up(int(stream.removeprefix(_ROOM)), stream)

    async def _catch_up(self, room_id: int, stream: str) -> None:
        try:
            async for message in handlers.follow(self.relay, self.connection, room_id, self.positions[room_id]):
                await self._deliver(pushes.logged(room_id, message))
        except HubbubError as error:
            await self._deliver(frames.unsubscribed(stream, error.code))
