"""What a gateway may send for other devices, and what becomes of them."""

from __future__ import annotations

import pytest

from bridges.ingest.batches import Batch, BatchProcessor, BatchResult
from bridges.ingest.delivery import Delivery
from bridges.mqtt import topics
from devices.commands import lookup
from devices.models import Command, Device, Reading, Room, Space
from devices.registry import accounts, devices
from devices.rooms import provisioning
from devices.values import now_us

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def gateway(space: Space) -> Device:
    return provisioning.create_device("roof", space, is_gateway=True)[0]


def sent(uid: str, kind: str = "telemetry", payload: bytes = b'{"t": 1}', *, repeated: bool = False) -> BatchResult:
    delivery = Delivery(uid, kind, payload, now_us(), repeated=repeated)
    result = BatchProcessor().process(Batch([delivery]))
    result.events.append(delivery)  # type: ignore[arg-type]
    return result


def reasons(result: BatchResult) -> list[str]:
    return [refusal.reason for refusal in result.refusals.values()]


def test_a_new_child_is_created_in_the_gateways_space(gateway: Device) -> None:
    assert reasons(sent("roof/soil-3")) == []
    child = Device.objects.get(uid="soil-3")
    assert (child.gateway, child.space, child.availability) == (gateway, gateway.space, "online")
    assert Room.objects.filter(device=child, space=gateway.space).exists()
    assert Reading.objects.filter(metric__device=child).count() == 1
    gateway.refresh_from_db()
    assert gateway.availability == "online"


def test_an_unused_device_of_the_space_becomes_a_child(gateway: Device, space: Space) -> None:
    provisioning.create_device("soil-3", space, "Soil")
    assert reasons(sent("roof/soil-3")) == []
    assert Device.objects.get(uid="soil-3").gateway == gateway


@pytest.mark.parametrize("whose", ["used", "elsewhere", "of another gateway", "gateway", "itself"])
def test_it_may_not_speak_for_any_other_device(gateway: Device, space: Space, whose: str) -> None:
    other = Space.objects.create(slug="other", name="Other")
    made = {
        "used": lambda: Device.objects.filter(uid=_new("x", space)).update(heard_at=1),
        "elsewhere": lambda: _new("x", other),
        "of another gateway": lambda: Device.objects.filter(uid=_new("x", space)).update(
            gateway=provisioning.create_device("cellar", space, is_gateway=True)[0]
        ),
        "gateway": lambda: provisioning.create_device("x", space, is_gateway=True),
        "itself": lambda: None,
    }
    made[whose]()
    uid = "roof" if whose == "itself" else "x"
    for kind, payload in (("telemetry", b'{"t": 1}'), ("status", b"offline"), ("telemetry", b"not JSON")):
        result = sent(f"roof/{uid}", kind, payload)
        assert reasons(result) == ["not_a_child"]
        assert result.events[-1].uid == "roof"  # type: ignore[union-attr]
    assert not Reading.objects.filter(metric__device__uid=uid).exists()
    assert Device.objects.get(uid=uid).availability == "unknown"


def test_a_device_that_is_no_gateway_speaks_for_nobody(pump: Device) -> None:
    assert reasons(sent("pump-1/soil-3")) == ["bad_topic"]
    assert reasons(sent("nobody/soil-3")) == ["bad_topic"]
    assert not Device.objects.filter(uid="soil-3").exists()


def test_a_repeated_message_creates_no_device(gateway: Device) -> None:
    assert reasons(sent("roof/gone", "status", b"online", repeated=True)) == ["retained"]
    assert not Device.objects.filter(uid="gone").exists()


def test_children_are_bounded(gateway: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioning, "MAX_CHILDREN", 2)
    found = [reasons(sent(f"roof/c{i}")) for i in range(3)]
    assert found == [[], [], ["too_many_children"]]
    assert reasons(sent("roof/c1")) == []


def test_children_are_unreachable_while_the_gateway_is_offline(gateway: Device) -> None:
    sent("roof/soil-3")
    sent("roof", "status", b"offline")
    child = Device.objects.get(uid="soil-3")
    assert (child.availability, child.via) == ("offline", "roof")
    sent("roof", "status", b"online")
    child.refresh_from_db()
    assert (child.availability, child.via) == ("online", "")


def test_a_childs_message_brings_the_gateway_and_its_other_children_back(gateway: Device) -> None:
    for uid in ("a", "b"):
        sent(f"roof/{uid}")
    sent("roof/b", "status", b"offline")
    sent("roof", "status", b"offline")
    sent("roof/a")
    states = Device.objects.order_by("uid").values_list("uid", "availability", "via")
    assert list(states) == [("a", "online", ""), ("b", "offline", ""), ("roof", "online", "")]


def test_commands_to_a_child_go_through_its_gateway(gateway: Device) -> None:
    sent("roof/soil-3")
    child = Device.objects.get(uid="soil-3")
    now = now_us()
    Command.objects.create(
        id="c1", device=child, name="set", issued_at=now, changed_at=now, expires_at=now + 60_000_000
    )
    [command] = lookup.queued("", 10)
    assert command.device.gateway is not None
    assert (
        topics.command("soil-3", command.id, command.device.gateway.uid)
        == f"gateways/roof/soil-3/commands/{command.id}"
    )


def test_a_child_that_moves_leaves_its_gateway(gateway: Device) -> None:
    sent("roof/soil-3")
    sent("roof", "status", b"offline")
    child = Device.objects.get(uid="soil-3")
    provisioning.move_device(child, Space.objects.create(slug="other", name="Other"))
    child.refresh_from_db()
    assert (child.gateway, child.availability, child.via) == (None, "online", "")
    assert reasons(sent("roof/soil-3")) == ["not_a_child"]


def test_children_outlive_their_gateway(gateway: Device) -> None:
    sent("roof/soil-3")
    devices.delete(gateway)
    assert Device.objects.get(uid="soil-3").gateway is None
    assert accounts.gateways() == set()


def _new(uid: str, space: Space) -> str:
    return provisioning.create_device(uid, space)[0].uid
