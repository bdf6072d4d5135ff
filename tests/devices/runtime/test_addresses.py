from __future__ import annotations

import pytest

from devices.runtime.addresses import network_of


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "/run/hub.sock", True),
    ],
)
def test_an_ipv6_address_counts_with_its_64(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same
