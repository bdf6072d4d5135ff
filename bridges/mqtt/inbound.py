"""From a broker to the pipeline."""

from __future__ import annotations

from collections.abc import Callable

from bridges.mqtt import topics
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.session import InboundSession, Received
from bridges.pipeline import Delivery, Pipeline
from bridges.refusals import note
from devices.errors import Refusal


class Inbound:
    """Subscribes to what devices publish and hands it to the pipeline, which acknowledges after the commit."""

    def __init__(
        self, address: BrokerAddress, client_id: str, pipeline: Pipeline, on_ready: Callable[[], None]
    ) -> None:
        self._pipeline = pipeline
        self._session = InboundSession(address, client_id, topics.FILTERS, self._on_message, on_ready)
        self.start = self._session.start
        self.stop = self._session.stop

    def _on_message(self, message: Received) -> None:
        try:
            address = topics.parse(message.topic)
        except Refusal as refusal:
            note(refusal, "mqtt", "")
            message.acknowledge()
            return
        delivery = Delivery(
            uid=address.uid,
            kind=address.kind,
            payload=message.payload,
            received_at=message.received_at,
            ref=address.ref,
            retained=message.retained,
            backlog=message.backlog,
            settle=message.acknowledge,
        )
        self._pipeline.offer(delivery, wait=message.qos > 0)
