"""The network that an address belongs to, for bounds per address."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_REMEMBERED = 10_000
_PREFIX = 64
"""Bits of an IPv6 address that tell hosts apart: a single host has all addresses of its /64."""


@lru_cache(_REMEMBERED)
def network(address: str) -> str:
    """The IPv4 address, or the /64 of an IPv6 address; empty for anything else, such as a Unix socket."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address):
        return str(known.ipv4_mapped or ipaddress.ip_network((known, _PREFIX), strict=False))
    return str(known)
