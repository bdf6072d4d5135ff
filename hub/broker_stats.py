"""The embedded broker's counts in `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bridges.broker import Broker


class BrokerCollector(Collector):
    """Reads `Broker.stats` at each scrape."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("hubbub_broker", "Counts of the embedded broker since its start", labels=["count"])
        for name, value in self._broker.stats.items():
            family.add_metric([name], value)
        yield family
