"""Rollups of a minute, an hour and a day."""

from __future__ import annotations


def work() -> bool:
    """One step; whether there is more to do at once."""
    return False
