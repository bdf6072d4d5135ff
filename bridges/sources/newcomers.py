"""Devices that were heard at a source and have not been added: what the list of found devices is made from."""

from __future__ import annotations

from collections import OrderedDict

from bridges.sources.convention import Encoded, Heard
from bridges.sources.reports import delivery_kind
from devices.registry.sources.found import MAX_FOUND, MAX_VALUES, Sighting
from devices.values import Attributes, Report, StatusReport, Telemetry


class Newcomers:
    """Remembers the last report of each kind of up to `MAX_FOUND` addresses; past it, of those heard last."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, dict[str, Heard]] = OrderedDict()
        self._sightings: dict[str, Sighting] = {}
        self._gone: set[str] = set()

    def add(self, heard: Heard, at: int) -> None:
        """`at`: in microseconds."""
        sighting = self._sighting(heard.address, at)
        sighting.name = heard.name or sighting.name
        sighting.via = heard.via or sighting.via
        report = heard.report.fallback if isinstance(heard.report, Encoded) else heard.report
        if report is None:
            return
        _add_report(sighting, report)
        # The gateway's state and the device's own are remembered beside each other.
        kind = "via" if isinstance(report, StatusReport) and report.via else delivery_kind(report)
        self._remember(heard.address, kind, heard)

    def add_problem(self, address: str, problem: str, at: int) -> None:
        """Something of this device could not be read."""
        self._sighting(address, at).problem = problem

    def forget(self, address: str) -> None:
        """Its bridge has removed it."""
        self._last.pop(address, None)
        self._sightings.pop(address, None)
        self._gone.add(address)

    def pop(self, address: str) -> list[Heard]:
        """The last reports of a device that has been added. Retained readings without a time are not among them."""
        return list(self._last.pop(address, {}).values())

    def take(self) -> tuple[list[Sighting], list[str]]:
        """What was heard since the last call, and the addresses that are gone."""
        taken = list(self._sightings.values()), list(self._gone)
        self._sightings, self._gone = {}, set()
        return taken

    def _sighting(self, address: str, at: int) -> Sighting:
        self._gone.discard(address)
        found = self._sightings.get(address)
        if found is None:
            if len(self._sightings) >= MAX_FOUND:
                self._sightings.pop(next(iter(self._sightings)))
            found = self._sightings[address] = Sighting(address, at, at)
        found.at = at
        return found

    def _remember(self, address: str, kind: str, heard: Heard) -> None:
        last = self._last.setdefault(address, {})
        before = last[kind].report if kind in last else None
        if isinstance(before, Attributes) and isinstance(heard.report, Attributes):
            facts = {**before.facts, **heard.report.facts}
            heard = Heard(address, Attributes(dict(list(facts.items())[:MAX_VALUES])), heard.name, heard.via)
        last[kind] = heard
        self._last.move_to_end(address)
        while len(self._last) > MAX_FOUND:
            self._last.popitem(last=False)


def _add_report(sighting: Sighting, report: Report) -> None:
    if isinstance(report, Telemetry):
        for sample in report.samples[:MAX_VALUES]:
            sighting.latest[sample.metric] = sample.value
    elif isinstance(report, Attributes):
        sighting.attributes.update(report.facts)
    elif isinstance(report, StatusReport):
        sighting.availability = report.availability
