"""Limits of logins that many devices share: those of sources, and of gateways."""

from __future__ import annotations

from bridges.broker import AccountLimits, SessionLimits

LIMITS = SessionLimits(
    queue_messages=20_000, queue_bytes=8 << 20, in_flight=500, subscriptions=1_000, pool_bytes=64 << 20
)
"""A bridge speaks for hundreds of devices. The sessions of all such logins together hold `pool_bytes`."""
MAX_CONNECTIONS = 1_000
"""Of one login: every Tasmota plug of a house may share it."""
MAX_RETAINED, MAX_RETAINED_BYTES = 20_000, 64 << 20


def account_limits(max_payload: int) -> AccountLimits:
    """`max_payload`: bytes of its largest message."""
    return AccountLimits(payload_bytes=max_payload, retained_messages=MAX_RETAINED, retained_bytes=MAX_RETAINED_BYTES)
