from collections import Counter

import pytest

from bridges.broker import Limits
from bridges.broker.publication import Publication
from bridges.broker.retained import Retained
from tests.bridges.broker.clients import RawClient, connect_packet, publish_packet, subscribe_packet


def test_retained_message_goes_to_a_later_subscription(client):
    client("pump").publish("devices/pump/status", b"online", retain=True)
    bridge = client("bridge")
    bridge.subscribe("devices/+/status")
    message = bridge.next()
    assert (message.payload, message.retain, message.qos) == (b"online", True, 1)


def test_live_delivery_of_a_retained_message_is_not_marked_retained(client):
    bridge = client("bridge")
    bridge.subscribe("devices/+/status")
    client("pump").publish("devices/pump/status", b"online", retain=True)
    assert not bridge.next().retain


def test_retained_messages_go_only_to_the_subscription_that_asks(client):
    bridge, pump = client("bridge"), client("pump")
    bridge.subscribe("devices/+/status")
    client("valve").publish("devices/valve/status", b"online", retain=True)
    pump.publish("devices/pump/status", b"online", retain=True)
    assert len(bridge.payloads(2)) == 2
    late = client("pump", client_id="late")
    late.subscribe("devices/pump/commands/#")
    late.publish("devices/pump/commands/x", b"marker")
    assert late.next().payload == b"marker"
    pump.subscribe("devices/pump/status")
    assert pump.next().payload == b"online"
    bridge.publish("devices/pump/telemetry", b"")
    assert bridge.messages.empty()


def test_retained_messages_do_not_reach_a_client_that_only_connects(client):
    """A connection that subscribes to nothing gets nothing, whatever others subscribe to."""
    first = client("pump", client_id="one", clean=False)
    first.subscribe("devices/pump/attributes")
    client("bridge").subscribe("#")
    client("valve").publish("devices/valve/status", b"online", retain=True)
    client("pump", client_id="two").publish("devices/pump/status", b"online", retain=True)
    first.disconnect()
    back = client("pump", client_id="one", clean=False)
    back.publish("devices/pump/attributes", b"marker")
    assert back.next().payload == b"marker"


def test_retained_messages_that_may_not_be_received_stay_hidden(client):
    bridge = client("bridge")
    bridge.publish("devices/pump/secret", b"hidden", retain=True)
    bridge.publish("devices/pump/open", b"shown", retain=True)
    listener = client("listener")
    listener.subscribe("devices/#")
    bridge.publish("devices/pump/marker", b"marker")
    assert listener.payloads(2) == [b"shown", b"marker"]


def test_retained_delivery_has_the_lower_qos(client):
    bridge = client("bridge")
    bridge.publish("devices/pump/zero", b"0", qos=0, retain=True)
    bridge.publish("devices/pump/one", b"1", qos=1, retain=True)
    bridge.subscribe("devices/pump/one", 0)
    assert bridge.next().qos == 0
    bridge.subscribe("devices/pump/zero", 1)
    assert bridge.next().qos == 0


def test_newer_retained_message_replaces_and_empty_one_deletes(broker, client):
    pump = client("pump")
    pump.publish("devices/pump/status", b"online", retain=True)
    pump.publish("devices/pump/status", b"offline", retain=True)
    assert broker.stats["retained_messages"] == 1
    pump.publish("devices/pump/status", b"", retain=True)
    assert broker.stats["retained_messages"] == broker.stats["retained_bytes"] == 0
    pump.subscribe("devices/pump/#")
    pump.publish("devices/pump/x", b"marker")
    assert pump.next().payload == b"marker"


class TestBounds:
    @pytest.fixture
    def limits(self):
        return Limits(
            retained_messages=3, retained_bytes=1_000, account_retained_messages=2, account_retained_bytes=600
        )

    def test_account_keeps_a_bounded_number(self, broker, client):
        pump = client("pump")
        for number in range(5):
            pump.publish(f"devices/pump/{number}", b"x", retain=True)
        assert broker.stats["retained_messages"] == 2
        assert broker.stats["dropped.retained_full"] == 3
        client("valve").publish("devices/valve/status", b"online", retain=True)
        assert broker.stats["retained_messages"] == 3

    def test_all_accounts_together_keep_a_bounded_number(self, broker, client):
        for name in ("a", "b", "c", "d"):
            client(name).publish(f"devices/{name}/status", b"online", retain=True)
        assert broker.stats["retained_messages"] == 3

    def test_bytes_are_bounded_per_account_and_in_all(self, broker, client):
        for name in ("a", "b", "c"):
            client(name).publish(f"devices/{name}/status", b"x" * 450, retain=True)
            client(name).publish(f"devices/{name}/more", b"x" * 450, retain=True)
        assert broker.stats["retained_messages"] == 2
        assert broker.stats["retained_bytes"] <= 1_000

    def test_expired_messages_make_room_for_new_ones_of_their_account(self):
        kept = Retained(Limits(account_retained_messages=2), Counter())
        for number, expires_in_s in enumerate((0, 60, None)):
            assert kept.keep(Publication(f"a/{number}", b"x", 1, expires_in_s=expires_in_s), "a")
        assert [each.topic for each in kept.matching("a/+")] == ["a/1", "a/2"]
        assert not kept.keep(Publication("a/3", b"x", 1), "a")
        kept.keep(Publication("a/1", b"", 1), "a")
        assert kept._expiring == {}

    def test_message_that_does_not_fit_removes_the_outdated_one(self, broker, client):
        pump = client("pump")
        pump.publish("devices/pump/status", b"online", retain=True)
        pump.publish("devices/pump/status", b"x" * 700, retain=True)
        assert broker.stats["retained_messages"] == broker.stats["retained_bytes"] == 0


def test_ten_thousand_retained_messages_reach_a_bridge_and_do_not_hold_up_a_small_filter(broker, raw, client):
    for number in range(100):
        filler = raw()
        name = f"filler-{number}"
        filler.send(connect_packet(name, client_id=name))
        filler.send(b"".join(publish_packet(f"devices/{name}/{n}", b"x", first=0x31) for n in range(50)))
        filler.send(b"\xc0\x00")
        assert filler.receive(6) == b"\x20\x02\x00\x00\xd0\x00"
    assert broker.stats["retained_messages"] == 5_000
    bridge = client("bridge")
    bridge.subscribe("devices/#")
    assert len(bridge.payloads(5_000)) == 5_000
    assert _one_retained(raw(), "filler-7") == b"x"


def _one_retained(pump: RawClient, name: str) -> bytes:
    pump.log_in(name)
    pump.send(subscribe_packet(f"devices/{name}/7"))
    return pump.receive(5 + 2 + 2 + len(f"devices/{name}/7") + 1)[-1:]
