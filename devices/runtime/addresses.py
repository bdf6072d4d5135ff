"""Networks of clients, as limits count them."""

from __future__ import annotations

import ipaddress


def network_of(address: str) -> str:
    """The address, or its /64 network for IPv6, where a single host has 2**64 addresses; empty for anything else."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address):
        return str(known.ipv4_mapped or ipaddress.ip_network((known, 64), strict=False))
    return str(known)
