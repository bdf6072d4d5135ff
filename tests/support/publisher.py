"""A device that publishes numbered messages and knows which of them the broker has acknowledged."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import Any

import paho.mqtt.client as mqtt

from tests.support.data_folder import Credentials
from tests.support.eventually import eventually

Number = tuple[str, int]
"""A message: the uid of its device and its own number there."""

ACKNOWLEDGED_S = 180
"""How long after the last message its acknowledgement may come: servers that are started again meanwhile take long."""


class Publisher(threading.Thread):
    """A device: publishes numbered messages with QoS 1, and repeats what was not acknowledged after a reconnect."""

    def __init__(
        self,
        port: int,
        device: Credentials,
        messages: int,
        *,
        per_second: int = 2_500,
        own_times: bool = True,
        first_ms: int = 0,
        padding: int = 0,
    ) -> None:
        """`own_times`: each message names its time, a millisecond after the one before, the first `first_ms`; without
        that so that the last is now. `padding`: spaces that make it longer."""
        super().__init__(name=device.uid)
        self.uid = device.uid
        self.sent = 0
        self.acknowledged: dict[int, float] = {}
        """Number -> when the broker acknowledged it (`time.monotonic`)."""
        self.disconnected = threading.Event()
        """Every acknowledgement of the first connection is in `acknowledged` by then."""
        self._messages = messages
        self._per_second = per_second
        self._own_times = own_times
        # Not ahead: the hub replaces times that are ahead of its clock.
        self._first_ms = first_ms or time.time_ns() // 1_000_000 - messages
        self._padding = " " * padding
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=device.uid)
        self._client.username_pw_set(device.uid, device.secret)
        self._client.max_inflight_messages_set(100)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._on_publish
        self._client.on_disconnect = lambda *_: self.disconnected.set()
        self._client.connect("127.0.0.1", port)

    @property
    def done(self) -> bool:
        return len(self.acknowledged) == self._messages

    @property
    def numbers(self) -> set[Number]:
        """What the broker has acknowledged."""
        return {(self.uid, i) for i in list(self.acknowledged)}

    def wait_until_sent(self, count: int) -> None:
        eventually(lambda: self.sent >= count)

    def run(self) -> None:
        self._client.loop_start()
        self._publish_all()
        with suppress(AssertionError):  # whoever waits for this thread looks at `done`
            eventually(lambda: self.done, ACKNOWLEDGED_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _publish_all(self) -> None:
        start = time.monotonic()
        for i in range(self._messages):
            if self._per_second and i % 10 == 0:
                time.sleep(max(0.0, start + i / self._per_second - time.monotonic()))
            self._client.publish(f"devices/{self.uid}/telemetry", self._payload(i), qos=1)
            self.sent += 1

    def _payload(self, i: int) -> str:
        values = {"i": i, "half": i / 2}
        message = {"ts": self._first_ms + i, "values": values} if self._own_times else values
        return json.dumps(message) + self._padding

    def _on_publish(self, client: mqtt.Client, userdata: Any, mid: int, *_: Any) -> None:
        self.acknowledged[mid - 1] = time.monotonic()  # paho counts from 1, and we send nothing else
