"""How many requests a person may make, over all their connections to this process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from django.conf import settings

from devices.errors import TooMany
from devices.runtime import stats

BURST = 2_000
"""A page that shows every device subscribes to each of them at once after a reconnect."""
MAX_REMEMBERED = 10_000
"""People whose requests are remembered; past it the one who has been quiet for longest is forgotten."""


class RequestRates:
    """A bucket of `BURST` requests for each person, which fills at `REQUEST_RATE_LIMIT`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # pages are counted in threads
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()
        """Person -> what was left in the bucket, and when; the one who asked last comes last."""

    def admit(self, person_id: int, kind: str) -> None:
        """Counts a request. Raises `TooMany` where the bucket is empty; `kind` is `api`, `live`, `mqtt` or `page`."""
        limit = settings.REQUEST_RATE_LIMIT
        if limit and not self._spend(person_id, limit):
            stats.requests_refused.labels(kind).inc()
            raise TooMany(f"a person may make {limit} requests a second, {BURST:,} of them at once")

    def _spend(self, person_id: int, limit: float) -> bool:
        with self._lock:
            now = self._clock()
            left, at = self._buckets.pop(person_id, (float(BURST), now))
            left = min(BURST, left + (now - at) * limit)
            self._buckets[person_id] = (left - 1 if left >= 1 else left, now)
            if len(self._buckets) > MAX_REMEMBERED:
                self._buckets.popitem(last=False)
            return left >= 1


rates = RequestRates()
"""Of this process."""
