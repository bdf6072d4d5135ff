import asyncio

import paho.mqtt.client as mqtt
import pytest

from bridges.broker import Limits
from tests.bridges.broker.clients import SECRET, connect_packet, packet, text

NOT_AUTHORIZED = b"\x20\x02\x00\x05"


def test_right_credentials_connect(broker, client):
    assert client("pump").answer == "Success"
    assert broker.stats["accepted_logins"] == broker.stats["connections"] == 1


def test_wrong_secret_is_refused_and_closed(broker, client):
    refused = client("pump", password="wrong")
    assert refused.answer == "Not authorized"
    assert refused.ended.wait(10)
    assert broker.stats["refused_logins.bad_credentials"] == 1
    assert broker.stats["accepted_logins"] == 0


def test_anonymous_is_refused(broker, client):
    assert client(None).answer == "Not authorized"
    assert broker.stats["refused_logins.anonymous"] == 1


def test_user_name_without_password_is_refused_unasked(broker, client):
    assert client("pump", password=None).answer == "Not authorized"
    assert broker.stats["refused_logins.bad_credentials"] == 1


def test_account_lookup_that_fails_answers_unavailable(broker, client, caplog):
    assert client("broken").answer == "Server unavailable"
    assert broker.stats["refused_logins.authentication_failed"] == 1
    assert "the database is unavailable" not in caplog.text


@pytest.mark.parametrize(("name", "level"), [("MQTT", 3), ("MQTT", 6), ("MQIsdp", 4), ("MQIsdp", 5)])
def test_other_versions_are_answered_with_unacceptable_protocol_version(broker, raw, name, level):
    odd = raw()
    odd.send(packet(0x10, text(name) + bytes([level, 0xC2, 0, 60, 0]) + text("x") + text("pump") + text(SECRET)))
    assert odd.rest() == b"\x20\x02\x00\x01"
    assert broker.stats["refused_logins.protocol_version"] == 1


@pytest.mark.parametrize("protocol", [mqtt.MQTTv31, mqtt.MQTTv311, mqtt.MQTTv5])
def test_clients_of_each_version_sign_in_and_publish(client, protocol):
    pump = client("pump", protocol=protocol)
    assert pump.answer == "Success"
    pump.subscribe("devices/pump/#")
    pump.publish("devices/pump/telemetry", b"x")
    assert pump.next().payload == b"x"


def test_empty_client_id_needs_a_clean_session(broker, raw):
    refused = raw()
    refused.send(connect_packet("pump", client_id="", clean=False))
    assert refused.rest() == b"\x20\x02\x00\x02"
    assert broker.stats["refused_logins.client_id"] == 1
    accepted = raw()
    accepted.log_in("pump", client_id="", clean=True)


@pytest.mark.parametrize("client_id", ["x" * 24, "Küche/🌡️ 1", "x" * 8_000])
def test_client_ids_are_as_long_as_the_packet_allows(raw, client_id):
    accepted = raw()
    accepted.log_in("pump", client_id=client_id)


def test_clients_without_an_id_do_not_take_each_other_over(broker, raw):
    first, second = raw(), raw()
    first.log_in("pump", client_id="")
    second.log_in("pump", client_id="")
    first.send(b"\xc0\x00")
    assert first.receive(2) == b"\xd0\x00"
    assert broker.stats["sessions"] == 2


@pytest.mark.parametrize("keep_alive_s", [0, 65_535])
def test_the_shortest_and_the_longest_keep_alive_are_accepted(raw, keep_alive_s):
    pump = raw()
    pump.log_in("pump", keep_alive_s=keep_alive_s)
    pump.send(b"\xc0\x00")
    assert pump.receive(2) == b"\xd0\x00"


def test_packets_sent_with_connect_wait_for_the_login(broker, raw):
    eager = raw()
    eager.send(connect_packet("slow-pump") + b"\xc0\x00")
    assert broker.accounts.asked.wait(10)
    broker.loop.call_soon_threadsafe(broker.accounts.answer.set)
    assert eager.receive(6) == b"\x20\x02\x00\x00\xd0\x00"


def test_client_that_leaves_during_the_look_up_leaves_nothing_behind(broker, raw):
    leaver = raw()
    leaver.send(connect_packet("slow-pump"))
    assert broker.accounts.asked.wait(10)
    broker.run(broker.broker.disconnect("slow-pump"))
    assert leaver.rest() == b""
    assert broker.stats["sessions"] == broker.stats["connections"] == 0


class TestTimeouts:
    @pytest.fixture
    def limits(self):
        return Limits(connect_timeout_s=0.3, authenticate_timeout_s=0.3)

    def test_connection_without_connect_is_closed(self, broker, raw):
        assert raw().rest() == b""
        assert broker.stats["closed.connect_timeout"] == 1

    def test_connect_that_never_ends_is_closed(self, broker, raw):
        slow = raw()
        slow.send(connect_packet("pump")[:-1])
        assert slow.rest() == b""
        assert broker.stats["closed.connect_timeout"] == 1

    def test_account_lookup_that_hangs_answers_unavailable(self, broker, client):
        assert client("slow-pump").answer == "Server unavailable"
        assert broker.stats["refused_logins.authentication_timeout"] == 1


class TestSessionTheft:
    def test_failed_login_does_not_touch_the_session_it_names(self, broker, client):
        victim = client("pump", client_id="pump-1", clean=False)
        victim.subscribe("devices/pump/commands/#")
        assert client("pump", password="wrong", client_id="pump-1").answer == "Not authorized"
        assert client("pump", password="wrong", client_id="pump-1", clean=False).answer == "Not authorized"
        client("bridge").publish("devices/pump/commands/1", b"still here")
        assert victim.next().payload == b"still here"
        assert not victim.ended.is_set()

    def test_failed_login_does_not_touch_an_offline_session(self, broker, client):
        victim = client("pump", client_id="pump-1", clean=False)
        victim.subscribe("devices/pump/commands/#")
        victim.disconnect()
        client("pump", password="wrong", client_id="pump-1")
        client("bridge").publish("devices/pump/commands/1", b"kept")
        back = client("pump", client_id="pump-1", clean=False)
        assert back.session_present
        assert back.next().payload == b"kept"

    def test_other_account_with_the_same_client_id_has_a_session_of_its_own(self, broker, client):
        victim = client("pump", client_id="shared", clean=False)
        victim.subscribe("devices/pump/#")
        thief = client("valve", client_id="shared", clean=False)
        assert thief.answer == "Success"
        assert not thief.session_present
        thief.disconnect()
        client("valve", client_id="shared", clean=True)
        client("bridge").publish("devices/pump/commands/1", b"for the pump")
        assert victim.next().payload == b"for the pump"
        assert thief.messages.empty()
        assert broker.stats["closed.taken_over"] == 0

    def test_same_account_takes_its_session_over(self, broker, client):
        first = client("pump", client_id="pump-1", clean=False)
        first.subscribe("devices/pump/#")
        second = client("pump", client_id="pump-1", clean=False)
        assert first.ended.wait(10)
        assert second.session_present
        client("bridge").publish("devices/pump/commands/1", b"hello")
        assert second.next().payload == b"hello"
        assert broker.stats["closed.taken_over"] == 1


def test_disconnect_ends_all_connections_of_an_account_and_no_other(broker, client):
    first, second, other = client("pump", client_id="a"), client("pump", client_id="b"), client("valve")
    broker.run(broker.broker.disconnect("pump"))
    assert first.ended.wait(10)
    assert second.ended.wait(10)
    other.subscribe("devices/valve/#")
    assert not other.ended.is_set()


def test_disconnect_keeps_persistent_sessions_unless_asked_to_forget(broker, client):
    client("pump", client_id="pump-1", clean=False)
    broker.run(broker.broker.disconnect("pump"))
    assert client("pump", client_id="pump-1", clean=False).session_present
    broker.run(broker.broker.disconnect("pump", forget=True))
    assert not client("pump", client_id="pump-1", clean=False).session_present


def test_secrets_and_payloads_stay_out_of_the_log(broker, client, raw, caplog):
    caplog.set_level("DEBUG")
    client("pump", password="hidden-secret")
    client("pump", will={"topic": "devices/valve/x", "payload": b"hidden-will"})
    client("pump").publish("devices/valve/telemetry", b"hidden-payload")
    bad = raw()
    bad.send(connect_packet("pump", password="hidden-password\0"))
    bad.rest()
    assert "hidden" not in caplog.text
    assert SECRET not in caplog.text
    assert "devices/valve/telemetry" in caplog.text


def test_a_flood_of_refused_logins_writes_few_lines(broker, raw, caplog):
    for n in range(30):
        refused = raw()
        refused.send(connect_packet(f"pump-{n}", password="wrong"))
        assert refused.rest() == NOT_AUTHORIZED
    assert broker.stats["refused_logins.bad_credentials"] == 30
    assert len([each for each in caplog.records if "refused" in each.getMessage()]) == 1


def test_listens_only_where_the_socket_is_bound(broker):
    async def bound():
        return [sock.getsockname() for sock in broker.broker._listeners[0]._server.sockets]

    assert asyncio.run_coroutine_threadsafe(bound(), broker.loop).result(5) == [("127.0.0.1", broker.port)]
