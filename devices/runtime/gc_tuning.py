"""How often a serving process searches for garbage in reference cycles. All other garbage is freed at once."""

from __future__ import annotations

import gc

YOUNG = 50_000
"""New objects after which the collector runs. With Python's default of 700 it kept traversing buffered messages and
everything that a bridge remembers: a fifth of the bridge's time under load."""


def collect_seldom() -> None:
    """Excludes what is loaded by now: a full collection of it would stop the process for a tenth of a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
