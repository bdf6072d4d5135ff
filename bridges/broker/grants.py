"""Subscriptions as they were granted, and the one copy of a message that several of them make."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bridges.mqtt.packets import Subscription


class Grant(msgspec.Struct, frozen=True, gc=False):
    """`subscription_id` is 0 without one."""

    qos: int
    subscription_id: int = 0
    retain_as_published: bool = False
    no_local: bool = False


class Copy(msgspec.Struct, frozen=True, gc=False):
    """How a session gets a message: at most with this QoS."""

    qos: int
    subscription_ids: tuple[int, ...] = ()
    keeps_retain: bool = False


def grant_of(wanted: Subscription, subscription_id: int) -> Grant:
    return Grant(wanted.qos, subscription_id, wanted.retain_as_published, wanted.no_local)


def merged(grants: Iterable[Grant]) -> Copy | None:
    """The copy for overlapping subscriptions of one session, at the highest QoS of them; None without any."""
    found = list(grants)
    if not found:
        return None
    ids = tuple(sorted({each.subscription_id for each in found if each.subscription_id}))
    return Copy(max(each.qos for each in found), ids, any(each.retain_as_published for each in found))
