"""Messages that a gateway sends for other devices: which of them it may speak for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridges.ingest.delivery import Delivery
from devices.errors import Refusal
from devices.registry import senders
from devices.registry.senders import Sender
from devices.rooms import provisioning


def resolve(deliveries: Sequence[Delivery]) -> dict[int, Refusal]:
    """Gives the deliveries of gateways the uid of their child; a new child is created.

    Returns the refusals by index. What is refused counts as the gateway's own, since the other device may be anybody's.
    """
    found = [(i, delivery) for i, delivery in enumerate(deliveries) if "/" in delivery.uid]
    if not found:
        return {}
    known = senders.by_uid(uid for _, delivery in found for uid in delivery.uid.split("/"))
    refusals: dict[int, Refusal] = {}
    for i, delivery in found:
        gateway, _, child = delivery.uid.partition("/")
        try:
            _check(known, gateway, child, delivery)
            delivery.uid, delivery.gateway = child, gateway
        except Refusal as refusal:
            delivery.uid = gateway
            refusals[i] = refusal
    return refusals


def _check(known: dict[str, Sender], uid: str, child_uid: str, delivery: Delivery) -> None:
    gateway = known.get(uid)
    if gateway is None or not gateway.is_gateway:
        raise Refusal("bad_topic", "it is not a gateway")
    if _is_child(known, gateway, child_uid):
        return
    if delivery.refusal is not None:  # it cannot be read, which must not create a device
        raise delivery.refusal.of(delivery.refusal.key)
    if delivery.repeated and child_uid not in known:  # a device that was deleted must not come back
        raise Refusal("retained")
    provisioning.add_child(gateway.id, child_uid)
    known.update(senders.by_uid([child_uid]))


def _is_child(known: Mapping[str, Sender], gateway: Sender, child_uid: str) -> bool:
    child = known.get(child_uid)
    return child is not None and child.gateway_id == gateway.id and child.space_id == gateway.space_id
