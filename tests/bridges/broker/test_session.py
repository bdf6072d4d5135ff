"""A session delivering to an outlet that only writes down what it is given."""

from collections import Counter

import pytest

from bridges.broker.limits import MAX_PACKET_ID, SessionLimits
from bridges.broker.outlet import Pool
from bridges.broker.publication import Publication
from bridges.broker.session import PACKETS_PER_PUMP, Session
from bridges.broker.throttled_log import ThrottledLog
from bridges.mqtt.packets import Packet
from tests.bridges.broker.clients import Device


class Recorder:
    def __init__(self) -> None:
        self.writable = True
        self.packets: list[Packet] = []
        self.pumps = 0
        self.room: int | None = None

    def send_message(self, packet: Packet) -> bool:
        self.packets.append(packet)
        if self.room is not None:
            self.room -= 1
            self.writable = self.room > 0
        return True

    def close(self, reason: str) -> None:
        raise AssertionError(reason)

    def pump_soon(self) -> None:
        self.pumps += 1

    def payloads(self) -> list[bytes]:
        return [packet.payload for packet in self.packets]

    def packet_ids(self) -> list[int]:
        return [packet.packet_id for packet in self.packets if packet.qos]


@pytest.fixture
def outlet():
    return Recorder()


@pytest.fixture
def stats():
    return Counter()


@pytest.fixture
def pool():
    return Pool(1 << 20)


@pytest.fixture
def session(outlet, stats, pool):
    session = Session(Device("pump"), "p", pool, stats=stats, warnings=ThrottledLog())
    session.attach(outlet, Device("pump"), SessionLimits(in_flight=2, queue_messages=1_000))
    return session


def message(payload: str, qos: int = 1) -> Publication:
    return Publication("t", payload.encode(), qos)


def test_qos_0_does_not_overtake_what_waits_for_the_window(session, outlet):
    for number in range(3):
        session.deliver(message(str(number)), 1)
    session.deliver(message("last", 0), 0)
    assert outlet.payloads() == [b"0", b"1"]
    session.acknowledge(1)
    assert outlet.payloads() == [b"0", b"1", b"2", b"last"]


def test_nothing_overtakes_the_repeats_after_a_reconnect(session):
    session.deliver(message("0"), 1)
    session.deliver(message("1"), 1)
    session.detach()
    session.deliver(message("2"), 1)
    again = Recorder()
    session.attach(again, Device("pump"), SessionLimits(in_flight=9))
    session.deliver(message("3"), 1)
    assert again.packets == []
    assert again.pumps == 1
    session.pump()
    assert again.payloads() == [b"0", b"1", b"2", b"3"]
    assert again.packet_ids() == [1, 2, 3, 4]
    assert [(packet.qos, packet.dup) for packet in again.packets] == [(1, True), (1, True), (1, False), (1, False)]


def test_packet_ids_wrap_around_and_leave_out_those_in_flight(session, outlet):
    session.deliver(message("kept"), 1)
    for _ in range(MAX_PACKET_ID + 1):
        session.deliver(message("x"), 1)
        session.acknowledge(outlet.packet_ids()[-1])
        del outlet.packets[:-1]
    assert outlet.packet_ids() == [3]
    assert list(session.in_flight) == [1]


def test_pumping_stops_when_the_outlet_is_full(session, outlet):
    outlet.writable = False
    for number in range(5):
        session.deliver(message(str(number), 0), 0)
    outlet.writable, outlet.room = True, 2
    session.pump()
    assert outlet.payloads() == [b"0", b"1"]
    assert session.queued == 3


def test_pumping_a_long_queue_gives_others_their_turns(session, outlet):
    outlet.writable = False
    for _ in range(PACKETS_PER_PUMP + 1):
        session.deliver(message("x", 0), 0)
    outlet.writable, outlet.pumps = True, 0
    session.pump()
    assert (len(outlet.packets), outlet.pumps) == (PACKETS_PER_PUMP, 1)
    session.pump()
    assert session.queued == 0


def expiring(payload: str, expires_in_s: float) -> Publication:
    return Publication("t", payload.encode(), 1, expires_in_s=expires_in_s)


def test_what_has_expired_in_the_queue_is_not_sent(session, stats):
    session.detach()
    session.deliver(expiring("too late", 0), 1)
    session.deliver(expiring("in time", 60), 1)
    session.deliver(message("for ever"), 1)
    again = Recorder()
    session.attach(again, Device("pump"), SessionLimits())
    session.pump()
    assert again.payloads() == [b"in time", b"for ever"]
    assert stats["dropped.expired"] == 1


def test_what_was_not_acknowledged_is_not_sent_again_once_it_has_expired(session, outlet, stats):
    session.deliver(expiring("too late", 0), 1)
    session.deliver(message("for ever"), 1)
    assert outlet.payloads() == [b"too late", b"for ever"]
    again = Recorder()
    session.attach(again, Device("pump"), SessionLimits())
    session.pump()
    assert again.payloads() == [b"for ever"]
    assert (list(session.in_flight), stats["dropped.expired"]) == ([2], 1)


def test_what_has_expired_makes_room_in_a_full_queue(session, pool, stats):
    session.detach()
    session.limits = SessionLimits(queue_messages=2)
    for payload, expires_in_s in (("too late", 0), ("in time", 60), ("new", 60), ("one too many", 60)):
        session.deliver(expiring(payload, expires_in_s), 1)
    again = Recorder()
    session.attach(again, Device("pump"), SessionLimits())
    session.pump()
    assert again.payloads() == [b"in time", b"new"]
    assert (stats["dropped.expired"], stats["dropped.offline_qos1"]) == (1, 1)
    session.acknowledge(1)
    session.acknowledge(2)
    assert pool.held == 0
