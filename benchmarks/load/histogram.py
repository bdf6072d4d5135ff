"""Latencies counted in classes of 250 µs."""

from __future__ import annotations

CLASS_US = 250
MAX_S = 60


class Histogram:
    def __init__(self) -> None:
        self._counts = [0] * (MAX_S * 1_000_000 // CLASS_US + 1)
        self._last = len(self._counts) - 1

    def add(self, latency_us: int, weight: int) -> None:
        place = latency_us // CLASS_US
        self._counts[place if 0 <= place < self._last else (self._last if place > 0 else 0)] += weight

    def merge(self, other: Histogram) -> None:
        self._counts = [mine + its for mine, its in zip(self._counts, other._counts, strict=True)]

    def quantile_ms(self, share: float) -> float:
        """The upper end of the class in which the share is reached; 0 where nothing was counted."""
        total, seen = sum(self._counts), 0
        if not total:
            return 0.0
        for place, count in enumerate(self._counts):
            seen += count
            if seen >= share * total:
                return (place + 1) * CLASS_US / 1000
        return MAX_S * 1000.0
