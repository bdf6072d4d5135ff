"""Volumes and outages: small by default; with `make soak` (LONG_FAULTS=1) those that the documents speak of."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

LONG = os.environ.get("LONG_FAULTS") == "1"


def usually(small: T, *, soak: T) -> T:
    """The small one proves the same; the other one is as in docs/faults.md, or as found in the field."""
    return soak if LONG else small
