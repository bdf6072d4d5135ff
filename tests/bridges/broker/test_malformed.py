"""Bytes that no client should send: the connection is closed for a counted reason, everybody else goes on."""

import asyncio

import pytest

from bridges.broker.packet_connection import PACKETS_PER_TURN
from tests.bridges.broker.clients import SECRET, Faulty, connect_packet, packet, publish_packet, subscribe_packet, text

TOPIC = "devices/pump/telemetry"
PROTOCOL = text("MQTT") + b"\x04"
LOGIN = text("raw") + text("pump") + text(SECRET)

BEFORE_LOGIN = [
    ("publish first", publish_packet(TOPIC, b"x"), "unexpected_packet"),
    ("ping first", b"\xc0\x00", "unexpected_packet"),
    ("reserved type 0", b"\x00\x00", "unexpected_packet"),
    ("web request", b"GET / HTTP/1.1\r\n\r\n", "unexpected_packet"),
    ("tls hello", b"\x16\x03\x01\x02\x00", "malformed_packet"),
    ("connect with flags", b"\x11" + connect_packet("pump")[1:], "malformed_packet"),
    ("connect without body", b"\x10\x00", "malformed_packet"),
    ("unknown protocol", packet(0x10, text("HTTP") + b"\x04\xc2\x00\x00" + LOGIN), "malformed_packet"),
    ("reserved connect flag", packet(0x10, PROTOCOL + b"\xc3\x00\x00" + LOGIN), "malformed_packet"),
    ("password without user", packet(0x10, PROTOCOL + b"\x42\x00\x00" + text("raw") + text("x")), "malformed_packet"),
    ("user flag without user", packet(0x10, PROTOCOL + b"\x82\x00\x00" + text("raw")), "malformed_packet"),
    ("connect cut short", packet(0x10, PROTOCOL + b"\xc2\x00\x00" + LOGIN[:-1]), "malformed_packet"),
    ("connect too long", packet(0x10, PROTOCOL + b"\xc2\x00\x00" + LOGIN + b"x"), "malformed_packet"),
    ("client id not UTF-8", packet(0x10, PROTOCOL + b"\x02\x00\x00" + text(b"\xff\xfe")), "malformed_packet"),
    ("client id with NUL", connect_packet("pump", client_id="a\0b"), "malformed_packet"),
    ("user not UTF-8", packet(0x10, PROTOCOL + b"\x82\x00\x00" + text("raw") + text(b"\xc3\x28")), "malformed_packet"),
    ("user with NUL", connect_packet("pu\0mp"), "malformed_packet"),
    ("endless length", b"\x10\xff\xff\xff\xff\x01", "malformed_packet"),
]

AFTER_LOGIN = [
    ("second connect", connect_packet("pump"), "second_connect"),
    ("connack", b"\x20\x02\x00\x00", "unexpected_packet"),
    ("suback", b"\x90\x03\x00\x01\x00", "unexpected_packet"),
    ("pubrec with id 0", b"\x50\x02\x00\x00", "malformed_packet"),
    ("pubcomp with id 0", b"\x70\x02\x00\x00", "malformed_packet"),
    ("pingresp", b"\xd0\x00", "unexpected_packet"),
    ("reserved type 15", b"\xf0\x00", "unexpected_packet"),
    ("publish with +", publish_packet("devices/pump/+", b"x"), "invalid_topic"),
    ("publish with #", publish_packet("devices/pump/#", b"x", first=0x32), "invalid_topic"),
    ("publish to nothing", publish_packet("", b"x"), "invalid_topic"),
    ("publish with NUL", publish_packet("devices/pump/\0", b"x"), "invalid_topic"),
    ("topic not UTF-8", publish_packet(b"devices/pump/\xff", b"x"), "malformed_packet"),
    ("topic with half a surrogate pair", publish_packet(b"devices/pump/\xed\xa0\x80", b"x"), "malformed_packet"),
    ("QoS 3", publish_packet(TOPIC, b"x", first=0x36), "malformed_packet"),
    ("DUP with QoS 0", publish_packet(TOPIC, b"x", first=0x38), "malformed_packet"),
    ("packet id 0", publish_packet(TOPIC, b"x", first=0x32, packet_id=0), "malformed_packet"),
    ("publish without body", b"\x30\x00", "malformed_packet"),
    ("publish of one byte", b"\x30\x01\x00", "malformed_packet"),
    ("topic longer than the packet", b"\x30\x04\x00\x09ab", "malformed_packet"),
    ("packet id missing", packet(0x32, text(TOPIC) + b"\x01"), "malformed_packet"),
    ("endless length", b"\x30\x80\x80\x80\x80\x01", "malformed_packet"),
    ("puback too long", b"\x40\x03\x00\x01\x00", "packet_too_large"),
    ("puback too short", b"\x40\x01\x00", "malformed_packet"),
    ("puback with id 0", b"\x40\x02\x00\x00", "malformed_packet"),
    ("puback with flags", b"\x42\x02\x00\x01", "malformed_packet"),
    ("pubrel without its flag", b"\x60\x02\x00\x01", "malformed_packet"),
    ("ping with body", b"\xc0\x01x", "packet_too_large"),
    ("disconnect with body", b"\xe0\x01x", "packet_too_large"),
    ("subscribe without its flag", b"\x80" + subscribe_packet(TOPIC)[1:], "malformed_packet"),
    ("subscribe to nothing", packet(0x82, b"\x00\x01"), "malformed_packet"),
    ("subscribe with packet id 0", subscribe_packet(TOPIC, packet_id=0), "malformed_packet"),
    ("subscribe with QoS 3", subscribe_packet(TOPIC, 3), "malformed_packet"),
    ("subscribe without QoS", packet(0x82, b"\x00\x01" + text(TOPIC)), "malformed_packet"),
    ("empty filter", subscribe_packet(""), "malformed_packet"),
    ("filter with NUL", subscribe_packet("devices/pump/\0"), "malformed_packet"),
    ("filter not UTF-8", subscribe_packet(b"devices/pump/\xff"), "malformed_packet"),
    ("filter longer than the packet", packet(0x82, b"\x00\x01\x00\x09ab"), "malformed_packet"),
    ("unsubscribe from nothing", packet(0xA2, b"\x00\x01"), "malformed_packet"),
    ("unsubscribe not UTF-8", packet(0xA2, b"\x00\x01" + text(b"\xff")), "malformed_packet"),
    ("unsubscribe cut short", packet(0xA2, b"\x00\x01\x00\x05abc"), "malformed_packet"),
    ("unsubscribe without id", packet(0xA2, b""), "malformed_packet"),
]


@pytest.fixture
def witness(client):
    """Another client of the same account, which must not notice anything."""
    witness = client("pump", client_id="witness")
    witness.subscribe("devices/pump/#")
    yield witness
    witness.publish("devices/pump/x", b"still served")
    assert witness.next().payload == b"still served"


@pytest.mark.parametrize(
    ("data", "reason"), [each[1:] for each in BEFORE_LOGIN], ids=[each[0] for each in BEFORE_LOGIN]
)
def test_is_closed_before_login(broker, raw, witness, data, reason):
    rude = raw()
    rude.send(data)
    assert rude.rest() == b""
    assert broker.stats[f"closed.{reason}"] == 1


@pytest.mark.parametrize(("data", "reason"), [each[1:] for each in AFTER_LOGIN], ids=[each[0] for each in AFTER_LOGIN])
def test_is_closed_after_login(broker, raw, witness, data, reason):
    rude = raw()
    rude.log_in("pump")
    rude.send(data)
    assert rude.rest() == b""
    assert broker.stats[f"closed.{reason}"] == 1
    assert broker.stats["sessions"] == 1


def test_connection_that_ends_within_a_packet_is_counted(broker, raw, witness):
    rude = raw()
    rude.log_in("pump")
    rude.send(publish_packet(TOPIC, b"never whole")[:-3])
    rude.end()
    broker.until("closed.truncated_packet")


def test_packets_before_the_bad_one_count(broker, raw, witness):
    rude = raw()
    rude.log_in("pump")
    rude.send(publish_packet(TOPIC, b"good") + b"\xf0\x00" + publish_packet(TOPIC, b"after"))
    rude.rest()
    assert witness.next().payload == b"good"


def test_packets_may_come_byte_by_byte(broker, raw, witness):
    slow = raw()
    for data in (connect_packet("pump"), publish_packet(TOPIC, b"x" * 200, first=0x32)):
        for position in range(len(data)):
            slow.send(data[position : position + 1])
    assert slow.receive(8) == b"\x20\x02\x00\x00\x40\x02\x00\x01"
    assert witness.next().payload == b"x" * 200


def test_many_packets_may_come_at_once(broker, raw, witness):
    eager = raw()
    eager.log_in("pump")
    eager.send(b"".join(publish_packet(TOPIC, str(number).encode()) for number in range(3_000)) + b"\xe0\x00")
    assert witness.payloads(3_000) == [str(number).encode() for number in range(3_000)]
    assert eager.rest() == b""
    assert broker.stats["closed.disconnected"] == 1


def test_flood_of_one_client_leaves_turns_to_others(broker, raw):
    flooder = raw()
    flooder.log_in("pump")
    watching = asyncio.run_coroutine_threadsafe(_most_received_in_a_turn(broker.stats, 20_000), broker.loop)
    flooder.send(publish_packet(TOPIC, b"x") * 20_000)
    assert watching.result(10) <= 2 * PACKETS_PER_TURN  # the watcher may come first in one turn and last in the next


async def _most_received_in_a_turn(stats: dict[str, int], total: int) -> int:
    most = last = 0
    while last < total:
        await asyncio.sleep(0)
        most, last = max(most, stats["received_messages"] - last), stats["received_messages"]
    return most


def test_error_in_the_rights_of_an_account_closes_only_that_connection(broker, raw, witness):
    broker.accounts.known["faulty"] = Faulty("faulty")
    rude = raw()
    rude.log_in("faulty")
    rude.send(publish_packet("devices/faulty/x", b"x"))
    assert rude.rest() == b""
    assert broker.stats["closed.internal_error"] == 1


def test_error_in_the_rights_at_login_closes_only_that_connection(broker, client, raw, witness):
    known = client("known", client_id="raw", clean=False)
    known.subscribe("devices/known/x")
    known.disconnect()
    broker.accounts.known["known"] = Faulty("known")
    rude = raw()
    rude.send(connect_packet("known", clean=False))
    assert rude.rest() == b""
    assert broker.stats["closed.internal_error"] == 1
