"""A closed route on the map: from a distance along it to a position and a bearing."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

M_PER_DEGREE = 111_320.0


class Route:
    """Straight legs through `points` (latitude, longitude) and back to the first. Flat: good for some kilometres."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self._points = [*points, points[0]]
        self._shrink = math.cos(math.radians(points[0][0]))
        legs = [self._vector(start, end) for start, end in pairwise(self._points)]
        self._bearings = [math.degrees(math.atan2(east, north)) % 360 for north, east in legs]
        self.distances_m = [0.0, *accumulate(math.hypot(*leg) for leg in legs)]
        """From the start to each point; the last is the length of the whole round."""

    @property
    def length_m(self) -> float:
        """Of one round."""
        return self.distances_m[-1]

    def leg(self, along_m: float) -> int:
        """The number of the leg at `along_m` (0 to `length_m`)."""
        return min(bisect_right(self.distances_m, along_m) - 1, len(self._bearings) - 1)

    def position(self, along_m: float) -> tuple[float, float]:
        """Latitude and longitude in degrees."""
        leg = self.leg(along_m)
        part = (along_m - self.distances_m[leg]) / (self.distances_m[leg + 1] - self.distances_m[leg])
        (lat, lon), (to_lat, to_lon) = self._points[leg], self._points[leg + 1]
        return lat + (to_lat - lat) * part, lon + (to_lon - lon) * part

    def bearing(self, along_m: float) -> float:
        """Degrees clockwise from north."""
        return self._bearings[self.leg(along_m)]

    def turn(self, point: int) -> float:
        """By how much the route turns at a point, 0 to 180 degrees."""
        legs = len(self._bearings)
        bend = self._bearings[point % legs] - self._bearings[(point - 1) % legs]
        return abs((bend + 180) % 360 - 180)

    def _vector(self, start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
        """Metres north and east."""
        north = (end[0] - start[0]) * M_PER_DEGREE
        return north, (end[1] - start[1]) * M_PER_DEGREE * self._shrink
