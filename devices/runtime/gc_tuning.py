"""When a serving process looks for garbage in cycles. What is in none is freed at once without it."""

from __future__ import annotations

import gc

YOUNG = 50_000
"""So many objects more than at the last look make the collector look again. With Python's own 700 it walked through the
messages that wait, and all that a bridge remembers, again and again: a fifth of the bridge's time under load."""


def collect_seldom() -> None:
    """What is loaded by now stays: each full collection would stop the process for a tenth of a second over it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
