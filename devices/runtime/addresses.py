"""Networks of clients, as limits count them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

_REMEMBERED = 10_000


@lru_cache(_REMEMBERED)
def network_of(address: str) -> str:
    """The address, or its /64 network for IPv6, where a single host has 2**64 addresses; empty for anything else."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address):
        return str(known.ipv4_mapped or ipaddress.ip_network((known, 64), strict=False))
    return str(known)


def is_within(address: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether the address belongs to one of the networks; `False` for anything that is not an address."""
    try:
        known: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address):
        known = known.ipv4_mapped or known
    return any(known in network for network in networks)
