"""Limits of the quick servers that `tests/support/serve.py` starts."""

from __future__ import annotations

CONNECTIONS_OF_ACCOUNT = 50
"""An idle one does not stay there for long."""
