import pytest

from tests.bridges.broker.clients import SECRET, connect_packet, packet, text

STATUS = "devices/pump/status"
WILL = {"topic": STATUS, "payload": b"offline", "qos": 1, "retain": True}


def will_packet(name: str, topic: str, *, flags: int = 0xC6, keep_alive_s: int = 0) -> bytes:
    head = text("MQTT") + bytes([4, flags]) + keep_alive_s.to_bytes(2)
    return packet(0x10, head + text("raw") + text(topic) + text("offline") + text(name) + text(SECRET))


@pytest.fixture
def bridge(client):
    bridge = client("bridge")
    bridge.subscribe("devices/#")
    return bridge


@pytest.mark.parametrize("topic", ["devices/valve/status", "$SYS/x", "other", "devices/pum/status"])
def test_foreign_will_is_refused(broker, client, bridge, topic):
    refused = client("pump", will={**WILL, "topic": topic})
    assert refused.answer == "Not authorized"
    assert refused.ended.wait(10)
    assert broker.stats["refused_logins.foreign_will"] == 1
    assert broker.stats["sessions"] == 1
    client("pump").publish("devices/pump/x", b"marker")
    assert bridge.next().payload == b"marker"


def test_foreign_will_does_not_disturb_the_session_it_names(broker, client):
    victim = client("pump", client_id="pump-1", clean=False)
    client("pump", client_id="pump-1", will={**WILL, "topic": "devices/valve/status"})
    victim.subscribe("devices/pump/#")
    assert not victim.ended.is_set()


def test_will_is_published_when_the_connection_breaks(client, bridge):
    client("pump", will=WILL).break_off()
    message = bridge.next()
    assert (message.topic, message.payload, message.qos, message.retain) == (STATUS, b"offline", 1, False)


def test_retained_will_is_retained(client, bridge):
    client("pump", will=WILL).break_off()
    bridge.next()
    late = client("bridge")
    late.subscribe(STATUS)
    message = late.next()
    assert (message.payload, message.retain) == (b"offline", True)


def test_will_without_retain_is_not_retained(broker, client, bridge):
    client("pump", will={**WILL, "retain": False}).break_off()
    assert bridge.next().payload == b"offline"
    assert broker.stats["retained_messages"] == 0


def test_will_is_published_with_its_own_qos(client, bridge):
    client("pump", will={**WILL, "qos": 0}).break_off()
    assert bridge.next().qos == 0


def test_will_is_not_published_after_a_clean_disconnect(client, bridge):
    client("pump", will=WILL).disconnect()
    client("pump").publish("devices/pump/x", b"marker")
    assert bridge.next().payload == b"marker"


def test_will_is_published_when_the_keep_alive_runs_out(broker, raw, bridge):
    silent = raw()
    silent.send(will_packet("pump", STATUS, keep_alive_s=1))
    assert silent.receive(4) == b"\x20\x02\x00\x00"
    assert silent.rest() == b""
    assert bridge.next().payload == b"offline"
    assert broker.stats["closed.keepalive_timeout"] == 1


def test_pings_keep_the_connection(broker, raw):
    pinger = raw()
    pinger.log_in("pump", keep_alive_s=1)
    pinger.sock.settimeout(1)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            pinger.sock.recv(1)
        pinger.send(b"\xc0\x00")
        assert pinger.receive(2) == b"\xd0\x00"
    assert broker.stats["closed.keepalive_timeout"] == 0


def test_will_is_published_when_the_client_breaks_the_protocol(raw, bridge):
    rude = raw()
    rude.send(will_packet("pump", STATUS))
    rude.receive(4)
    rude.send(connect_packet("pump"))
    rude.rest()
    assert bridge.next().payload == b"offline"


def test_will_is_published_once_when_the_session_is_taken_over(client, bridge):
    client("pump", client_id="pump-1", will=WILL)
    second = client("pump", client_id="pump-1")
    second.publish(STATUS, b"online", retain=True)
    assert bridge.payloads(2) == [b"offline", b"online"]
    second.disconnect()
    assert bridge.messages.empty()


def test_will_is_published_when_the_hub_ends_the_connection(broker, client, bridge):
    client("pump", will=WILL)
    broker.run(broker.broker.disconnect("pump"))
    assert bridge.next().payload == b"offline"


def test_will_of_an_earlier_connection_is_forgotten(client, bridge):
    client("pump", client_id="pump-1", clean=False, will=WILL).disconnect()
    client("pump", client_id="pump-1", clean=False).break_off()
    client("pump").publish("devices/pump/x", b"marker")
    assert bridge.next().payload == b"marker"


@pytest.mark.parametrize(
    ("flags", "reason"), [(0xDE, "malformed_packet"), (0xCA, "malformed_packet"), (0xE2, "malformed_packet")]
)
def test_will_flags_against_the_protocol_are_refused(broker, raw, flags, reason):
    """QoS 3; QoS without a will; retain without a will."""
    rude = raw()
    rude.send(will_packet("pump", STATUS, flags=flags))
    assert rude.rest() == b""
    assert broker.stats[f"closed.{reason}"] == 1


@pytest.mark.parametrize("topic", ["", "devices/pump/+", "devices/#", "devices/pump/\0", "x" * 300])
def test_invalid_will_topic_is_refused(broker, raw, topic):
    rude = raw()
    rude.send(will_packet("pump", topic))
    assert rude.rest() == b""
    assert broker.stats["closed.invalid_topic"] == 1
