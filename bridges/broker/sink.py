"""Where everything goes that clients publish, besides the sessions subscribed to it. The hub brings it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from bridges.mqtt.packets import MessageProperties, ReasonCode


class Published(msgspec.Struct, frozen=True, gc=False):
    """A message, or a will, of an account that may publish it.

    `size` is that of the whole payload. Where it is more than the broker accepts (`Limits.payload_bytes`), `payload`
    is only its beginning, and no session gets the message.
    """

    account: str
    topic: str
    payload: bytes
    size: int
    qos: int
    retain: bool
    properties: MessageProperties | None = None


class Unaccepted(msgspec.Struct, frozen=True, gc=False):
    """Why a message is not accepted, for its client: MQTT 5 has a reason in each acknowledgement."""

    code: ReasonCode
    text: str


class ForbiddenRequest(msgspec.Struct, frozen=True, gc=False):
    """Something that an account, whose secret was right, asked for and may not do.

    `action` is "publish", "will", "subscribe" or "connect"; `topic` may be a filter, or empty.
    """

    account: str
    action: str
    topic: str
    payload: bytes = b""
    size: int = 0


class Done(Protocol):
    """The sink is done with a message, and has accepted it unless it gives a reason."""

    def __call__(self, unaccepted: Unaccepted | None = None) -> None: ...


class Sink(Protocol):
    """Called on the event loop; it must not block."""

    def report(self, forbidden: ForbiddenRequest) -> None:
        """Nobody waits for it."""

    def offer(self, published: Published, done: Done | None) -> bool:
        """Receives a message and returns whether it may be kept as a retained one.

        With `done` (QoS 1 and 2, and wills) the message is accepted at any cost: the client gets its acknowledgement
        once `done` is called, at once or later. Calling it late or twice is harmless. If it is never called, the
        client sends the message again on its next connection. Without `done` (QoS 0) nobody waits for it.
        """


class NoSink:
    """For a broker that only serves its subscribers."""

    def report(self, forbidden: ForbiddenRequest) -> None:
        pass

    def offer(self, published: Published, done: Done | None) -> bool:
        if done is not None:
            done()
        return True
