"""One message on its way in, as a protocol hands it over."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from devices.errors import Refusal
from devices.values import Report, Telemetry


class EncodedPayload(msgspec.Struct, frozen=True, gc=False):
    """How a payload is to be decoded that another decoder than that of its device may be for.

    - `decoder`: its id. `f_port`: 0 stands for the decoder's own. `variables`: JSON for the script; empty: none.
    - `time`: of its values, in microseconds; `None`: that of receipt.
    """

    decoder: int
    f_port: int = 0
    time: int | None = None
    variables: bytes = b""


# Tens of thousands of these are made each second. `gc=False` keeps the collector from walking through all buffered
# ones again and again; none is left to it, as each is stored or dropped with its pipeline.
class Delivery(msgspec.Struct, gc=False):
    """One message of a device.

    - `uid`: the device that sent it; `<gateway>/<child>` until it is known that the `gateway` may speak for the child.
    - `kind`: telemetry, status, attributes, answer, or another one, which is refused.
    - `received_at`: microseconds. `ref`: the id of the command that an answer belongs to.
    - `repeated`: the broker repeats a retained message to a new subscriber, so it is not a sign of life.
    - `broker`: name of the broker it came through; `None` for other protocols.
    - `refusal`: why it is refused, if that shows before it is decoded.
    - `settle` acknowledges it: called once, on the event loop, after the commit or the refusal; `None` for QoS 0.
    - `explain`: called in place of `settle` if the message is refused, where its protocol can give the reason. It gets
      `settle` and the refusal.
    - `size`: bytes of the whole payload, if `payload` is only the beginning of one that is too large.
    - `report`: the part of the content that is still to be stored, if the message has been decoded and stored in part.
    - `content`: the content of a message in another format than the hub's own, if it has been decoded already.
    - `encoded`: how its payload is decoded, if it is telemetry that came by a convention.
    - `part_values`: set where it comes after those of other devices in its batch, and is not held against its device's
      budget: how many of its values are stored at once.
    """

    uid: str
    kind: str
    payload: bytes
    received_at: int
    ref: str = ""
    repeated: bool = False
    broker: str | None = None
    refusal: Refusal | None = None
    settle: Callable[..., object] | None = None
    size: int | None = None
    report: Telemetry | None = None
    part_values: int = 0
    explain: Callable[[Callable[..., object], Refusal], object] | None = None
    content: Report | None = None
    encoded: EncodedPayload | None = None
    gateway: str = ""

    @property
    def sender(self) -> str:
        """Whose budget it counts for: a gateway must not use up that of a device that it may not speak for."""
        return f"{self.gateway}/{self.uid}" if self.gateway else self.uid

    def finish(self, refusal: Refusal | None) -> None:
        """Acknowledges it, with the reason if it was refused."""
        if self.settle is None:
            return
        if refusal is not None and self.explain is not None:
            self.explain(self.settle, refusal)
        else:
            self.settle()


def estimated_values(delivery: Delivery) -> int:
    """Values are separated by commas, so there are no more of them."""
    decoded = delivery.content if delivery.report is None else delivery.report
    return len(decoded.samples) if isinstance(decoded, Telemetry) else delivery.payload.count(b",") + 1
