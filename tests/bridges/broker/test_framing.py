import pytest

from bridges.broker.errors import ProtocolError
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
    assert got == [(0xC0, b""), (0x30, b"\x00\x01a" + b"x" * 200), (0x40, b"\x00\x01")]
    assert not framer.partial


@pytest.mark.parametrize("first", [0x30, 0x32])
def test_counts_the_payload_not_the_packet(framer, first):
    head = b"\x00\x0aaaaaaaaaaa" + (b"\x00\x01" if first == 0x32 else b"")
    framer.feed(packet(first, head + b"x" * 300))
    assert framer.next() is not None
    framer.feed(packet(first, head + b"x" * 301)[:5])
    with pytest.raises(ProtocolError, match="packet_too_large"):
        framer.next()


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 131_072])
def test_publish_is_read_as_written(length):
    message = Message("a/b", b"a/b", b"x" * length, 1)
    framer = Framer(PacketSizes(Limits()))
    framer.login_done()
    framer.feed(publish_packet(0x3B, message, 513) + publish_packet(0x30, message, 0))
    assert [read_publish(*each) for each in iter(framer.next, None)] == [
        Publish(b"a/b", message.payload, 1, True, 513),
        Publish(b"a/b", message.payload, 0, False, 0),
    ]


def test_publish_has_the_bytes_of_the_specification():
    assert publish_packet(0x3A, Message("a/b", b"a/b", b"hi", 1), 10) == b"\x3a\x09\x00\x03a/b\x00\x0ahi"
