import pytest

from bridges.broker.framing import Framer, PacketSizes
from bridges.broker.limits import Limits
from bridges.broker.packets import Message, Publish, publish_packet, read_publish
from tests.bridges.broker.clients import packet


@pytest.fixture
def framer():
    framer = Framer(PacketSizes(Limits(payload_bytes=300, topic_bytes=10)))
    framer.login_done()
    return framer


def test_gives_out_whole_packets_only(framer):
    data = b"\xc0\x00" + packet(0x30, b"\x00\x01a" + b"x" * 200) + b"\x40\x02\x00\x01"
    got = []
    for position in range(len(data)):
        framer.feed(data[position : position + 1])
        while (each := framer.next()) is not None:
            got.append(each)
    assert got == [(0xC0, b"", 0), (0x30, b"\x00\x01a" + b"x" * 200, 203), (0x40, b"\x00\x01", 2)]
    assert not framer.partial


@pytest.mark.parametrize("first", [0x30, 0x32])
@pytest.mark.parametrize("step", [1, 100, 1_000])
def test_cuts_a_payload_too_large_and_counts_the_payload_not_the_packet(framer, first, step):
    head = b"\x00\x0aaaaaaaaaaa" + (b"\x00\x01" if first == 0x32 else b"")
    data = packet(first, head + b"x" * 300) + packet(first, head + b"y" * 301) + packet(first, head + b"z" * 9_000)
    data += b"\xc0\x00"
    got = []
    for position in range(0, len(data), step):
        framer.feed(data[position : position + step])
        while (each := framer.next()) is not None:
            got.append(each)
    assert got == [
        (first, head + b"x" * 300, len(head) + 300),
        (first, head + b"y" * 200, len(head) + 301),
        (first, head + b"z" * 200, len(head) + 9_000),
        (0xC0, b"", 0),
    ]
    assert not framer.partial


def test_is_within_a_packet_while_it_reads_past_one(framer):
    framer.feed(packet(0x30, b"\x00\x01a" + b"x" * 9_000)[:5_000])
    assert framer.next() is None
    assert framer.partial
    assert framer.skipping == 9_000 + 3 + 3 - 5_000


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 131_072])
def test_publish_is_read_as_written(length):
    message = Message("a/b", b"a/b", b"x" * length, 1)
    framer = Framer(PacketSizes(Limits()))
    framer.login_done()
    framer.feed(publish_packet(0x3B, message, 513) + publish_packet(0x30, message, 0))
    assert [read_publish(first, body) for first, body, _ in iter(framer.next, None)] == [
        Publish(b"a/b", message.payload, 1, True, 513, True),
        Publish(b"a/b", message.payload, 0, False, 0, False),
    ]


def test_publish_has_the_bytes_of_the_specification():
    assert publish_packet(0x3A, Message("a/b", b"a/b", b"hi", 1), 10) == b"\x3a\x09\x00\x03a/b\x00\x0ahi"
