"""Principals with rights that change, and those with rights and limits of their own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bridges.broker import SessionLimits

REFUSED = 0x80
LIMITS = SessionLimits(queue_messages=10, queue_bytes=2_000, pool_bytes=3_000)


@dataclass(frozen=True)
class Program:
    """Receives what lies below `a/` or `b/`, as far as it may."""

    allowed: str = "ab"
    reads_statistics: bool = False
    name: str = "program"
    sessions: int = 6
    limits: SessionLimits = LIMITS
    loses_foreign_wills: bool = True

    def may_publish(self, topic: str) -> bool:
        return topic.startswith("own/")

    def may_subscribe(self, topic_filter: str) -> bool:
        return True

    def may_receive(self, topic: str) -> bool:
        return topic[0] in self.allowed


@pytest.fixture
def become(broker):
    """Makes `program` sign in as this principal from now on, and returns it."""

    def become(principal: Program) -> Program:
        broker.accounts.known["program"] = principal
        return principal

    return become


@pytest.fixture
def bridge(client):
    return client("bridge")


def test_another_principal_receives_something_else_under_the_same_subscription(broker, client, bridge, become):
    old = become(Program("a"))
    program = client("program")
    program.subscribe("#")
    for topic in ("a/1", "b/1"):
        bridge.publish(topic, topic)
    assert program.payloads(1) == [b"a/1"]
    broker.call(lambda: broker.broker.replace(old, Program("b")))
    for topic in ("a/2", "b/2"):
        bridge.publish(topic, topic)
    assert program.payloads(1) == [b"b/2"]
    assert broker.broker.principals() >= {Program("b")}


def test_what_is_queued_and_may_no_longer_be_received_is_dropped(broker, client, bridge, become):
    old = become(Program())
    absent = client("program", client_id="x", clean=False)
    absent.subscribe("#")
    absent.disconnect()
    for topic in ("a/1", "b/1", "a/2"):
        bridge.publish(topic, topic)
    broker.call(lambda: broker.broker.replace(old, become(Program("b"))))
    assert broker.stats["dropped.forbidden"] == 2
    bridge.publish("b/2", "b/2")
    assert client("program", client_id="x", clean=False).payloads(2) == [b"b/1", b"b/2"]


def test_what_was_queued_is_checked_again_at_the_next_login(broker, client, bridge, become):
    become(Program())
    absent = client("program", client_id="x", clean=False)
    absent.subscribe("#")
    absent.disconnect()
    for topic in ("a/1", "b/1"):
        bridge.publish(topic, topic)
    become(Program("b"))
    assert client("program", client_id="x", clean=False).payloads(1) == [b"b/1"]
    assert broker.stats["dropped.forbidden"] == 1


@pytest.mark.parametrize("forget", [False, True])
def test_a_principal_is_expelled_without_its_will(broker, client, bridge, become, forget):
    bridge.subscribe("own/#")
    old = become(Program("a"))
    first = client("program", client_id="first", clean=False, will={"topic": "own/will", "payload": b"gone"})
    become(Program("b"))
    second = client("program", client_id="second")
    broker.call(lambda: broker.broker.expel(old, forget=forget))
    assert first.ended.wait(10)
    second.publish("own/x", b"still there")
    assert bridge.next().payload == b"still there"
    assert client("program", client_id="first", clean=False).session_present is not forget


def test_a_will_that_is_lost_is_not_published(broker, client, bridge, become):
    become(Program())
    bridge.subscribe("#")
    client("program", will={"topic": "elsewhere", "payload": b"gone"}).break_off()
    client("program").publish("own/x", b"marker")
    assert bridge.next().payload == b"marker"


def test_an_account_may_have_more_sessions_than_others(broker, client, become):
    become(Program())
    for _ in range(6):
        client("program")
    client("program")
    assert broker.stats["refused_logins.too_many_sessions"] == 1


def test_sessions_with_the_same_limits_share_their_bytes(broker, client, bridge, become):
    become(Program())
    for client_id in ("x", "y"):
        absent = client("program", client_id=client_id, clean=False)
        absent.subscribe("a/#")
        absent.disconnect()
    for _ in range(2):
        bridge.publish("a/1", bytes(900))
    assert broker.stats["dropped.offline_qos1"] == 1


def test_only_some_may_read_statistics_and_no_wildcard_at_the_first_level_matches_them(broker, client, become):
    become(Program(reads_statistics=True))
    reader, other = client("program"), client("program")
    assert reader.subscribe("$SYS/#") == 1
    assert reader.subscribe("$other/#") == REFUSED
    assert reader.subscribe("$share/group/$SYS/#") == 1
    other.subscribe("#")
    broker.call(lambda: broker.broker.publish("$SYS/broker/x", b"1", retain=True))
    assert reader.payloads(2) == [b"1", b"1"]
    late = client("program")
    late.subscribe("$SYS/#")
    assert late.next().retain
    late.subscribe("a/#")
    become(Program())
    assert client("program").subscribe("$SYS/#") == REFUSED
    broker.call(lambda: broker.broker.publish("a/marker", b"marker"))
    assert other.next().payload == late.next().payload == b"marker"
