"""What comes back after a restart of the broker, and after it was killed."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from bridges.broker import Limits
from bridges.broker.journal import Journal
from bridges.broker.state_file import Rows, State, StateFile
from bridges.mqtt.packets import (
    MessageProperties,
    PubCompPacket,
    PublishPacket,
    PubRecPacket,
    PubRelPacket,
    ReasonCode,
    Subscription,
    Version,
)
from tests.bridges.broker.clients import Bridge, HeldSink, RunningBroker
from tests.bridges.broker.scenarios.wire import Wire
from tests.support.eventually import eventually

PROPERTIES = MessageProperties(content_type="text/plain", user_properties=(("a", "1"),))


class Restarted:
    """A broker with its state in a file, that may be stopped and started again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sink: HeldSink | None = None
        self.running = RunningBroker(Limits(), state=path)
        self._wires: list[Wire] = []

    def wire(self, name: str = "", client_id: str = "wire", **fields: object) -> Wire:
        self._wires.append(Wire(self.running.port, Version.V5))
        if name:
            assert not self._wires[-1].connect(name, client_id, **fields).reason_code.is_failure
        return self._wires[-1]

    def restart(self) -> None:
        self.running.end()
        self.running = RunningBroker(Limits(), self.sink, state=self.path)

    def kill(self) -> None:
        """As if the process ended here: what counts is what lies in the folder."""
        left = self.path.parent / "left"
        left.mkdir()
        for file in self.path.parent.glob(self.path.name + "*"):
            shutil.copy(file, left)
        self.running.end()
        self.path = left / self.path.name
        self.running = RunningBroker(Limits(), self.sink, state=self.path)

    def end(self) -> None:
        for wire in self._wires:
            wire.sock.close()
        self.running.end()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Restarted]:
    restarted = Restarted(tmp_path / "broker.sqlite3")
    yield restarted
    restarted.end()


def offline(broker: Restarted, **fields: object) -> None:
    """A client with a session that lasts, which has subscribed and is gone."""
    away = broker.wire("bridge", "away", clean_start=False, **fields)
    away.subscribe(Subscription("TopicA/#", 2, retain_as_published=True), subscription_id=7)
    away.disconnect()


def stored(path: Path) -> State:
    return StateFile(path).load()


async def written(broker: Restarted) -> None:
    """Whatever was noted before has been written."""
    keeper = broker.running.broker._state
    assert keeper is not None
    await keeper._write()


def test_retained_messages_come_back(broker: Restarted) -> None:
    writer = broker.wire("bridge")
    writer.publish("TopicA", b"old", 1, retain=True)
    writer.publish("TopicA", b"new", 1, retain=True, properties=PROPERTIES)
    writer.publish("TopicB", b"removed", 1, retain=True)
    writer.publish("TopicB", b"", 1, retain=True)
    writer.publish("TopicC", b"expires", 1, retain=True, expiry_s=600)
    broker.restart()
    reader = broker.wire("bridge")
    reader.subscribe("#")
    found = sorted((reader.message() for _ in range(2)), key=lambda message: message.topic)
    assert [(each.topic, each.payload, each.retain) for each in found] == [
        ("TopicA", b"new", True),
        ("TopicC", b"expires", True),
    ]
    assert found[0].properties == PROPERTIES
    assert found[1].expiry_s is not None
    assert 590 < found[1].expiry_s <= 600
    reader.nothing_more()


def test_a_session_comes_back_with_what_it_has_not_delivered(broker: Restarted) -> None:
    offline(broker)
    writer = broker.wire("bridge", "writer")
    for number, qos in enumerate((1, 2, 0, 1)):
        writer.publish("TopicA/x", b"%d" % number, qos, properties=PROPERTIES, expiry_s=600)
    broker.restart()
    back = broker.wire()
    assert back.connect("bridge", "away", clean_start=False).session_present
    messages = [back.message() for _ in range(3)]
    assert [(each.payload, each.qos, each.dup) for each in messages] == [
        (b"0", 1, False),
        (b"1", 2, False),
        (b"3", 1, False),
    ]
    assert {each.subscription_ids for each in messages} == {(7,)}
    assert {each.properties for each in messages} == {PROPERTIES}
    broker.wire("bridge", "writer").publish("TopicA/y", b"live", retain=True)
    live = back.message()
    assert (live.payload, live.retain) == (b"live", True)
    broker.restart()
    again = broker.wire()
    assert again.connect("bridge", "away", clean_start=False).session_present
    again.nothing_more()


def test_what_was_sent_and_not_acknowledged_comes_again_under_its_id(broker: Restarted) -> None:
    offline(broker)
    writer = broker.wire("bridge", "writer")
    reader = broker.wire("bridge", "away", clean_start=False)
    for number in range(3):
        writer.publish("TopicA", b"%d" % number, 1)
    sent = [reader.next(PublishPacket) for _ in range(3)]
    broker.restart()
    back = broker.wire("bridge", "away", clean_start=False)
    again = [back.message() for _ in range(3)]
    assert [(each.packet_id, each.payload, each.dup) for each in again] == [
        (each.packet_id, each.payload, True) for each in sent
    ]
    broker.wire("bridge", "writer").publish("TopicA", b"next", 1)
    assert back.message().packet_id not in [each.packet_id for each in sent]


def test_a_message_of_qos_2_is_not_accepted_twice(broker: Restarted) -> None:
    watcher = broker.wire("bridge", "watcher", clean_start=False)
    watcher.subscribe("TopicA")
    client = broker.wire("bridge", "returns", clean_start=False)
    client.send(PublishPacket("TopicA", b"once", 2, packet_id=7))
    client.next(PubRecPacket)
    assert watcher.message().payload == b"once"
    broker.restart()
    back = broker.wire("bridge", "returns", clean_start=False)
    back.send(PublishPacket("TopicA", b"once", 2, packet_id=7, dup=True))
    assert back.next(PubRecPacket).packet_id == 7
    back.send(PubRelPacket(7))
    assert back.next(PubCompPacket).reason_code is ReasonCode.SUCCESS
    broker.wire("bridge", "watcher", clean_start=False).nothing_more()


def test_a_message_of_qos_2_that_the_sink_was_not_done_with_is_accepted_again(broker: Restarted) -> None:
    """It was not acknowledged, and nothing of it is stored."""
    broker.sink = HeldSink()
    broker.restart()
    client = broker.wire("bridge", "returns", clean_start=False)
    client.send(PublishPacket("TopicA", b"once", 2, packet_id=7))
    broker.sink.next()
    client.send(PublishPacket("TopicA", b"done", 2, packet_id=8))
    _, done = broker.sink.next()
    assert done is not None
    broker.running.call(done)
    broker.running.run(written(broker))
    broker.kill()
    back = broker.wire("bridge", "returns", clean_start=False)
    for packet_id, payload in ((7, b"once"), (8, b"done")):
        back.send(PublishPacket("TopicA", payload, 2, packet_id=packet_id, dup=True))
    published, done = broker.sink.next()
    assert published.payload == b"once"
    assert done is not None
    broker.running.call(done)
    assert [back.next(PubRecPacket).packet_id for _ in range(2)] == [7, 8]
    assert broker.sink.given.empty()


def test_a_message_of_qos_2_that_was_received_is_only_released(broker: Restarted) -> None:
    offline(broker)
    reader = broker.wire("bridge", "away", clean_start=False)
    broker.wire("bridge", "writer").publish("TopicA", b"once", 2)
    message = reader.next(PublishPacket)
    reader.send(PubRecPacket(message.packet_id))
    reader.next(PubRelPacket)
    broker.restart()
    back = broker.wire("bridge", "away", clean_start=False)
    assert back.next(PubRelPacket).packet_id == message.packet_id


def test_sessions_that_are_over_do_not_come_back(broker: Restarted) -> None:
    offline(broker)
    broker.wire("bridge", "away", clean_start=True).disconnect()
    broker.wire("bridge", "short", clean_start=False, session_expiry_s=1).disconnect()
    broker.wire("removed", "gone", clean_start=False).disconnect()
    broker.wire("pump", "stays", clean_start=False)
    time.sleep(1)
    broker.restart()
    assert broker.running.stats["sessions"] == 1
    for name, client_id in (("bridge", "away"), ("bridge", "short"), ("removed", "gone")):
        assert not broker.wire().connect(name, client_id, clean_start=False).session_present
    assert broker.wire().connect("pump", "stays", clean_start=False).session_present


@pytest.mark.parametrize(("gone_s", "counted_s"), [(300, 300), (-1_000, 0)])
def test_a_session_does_not_last_longer_because_of_restarts(broker: Restarted, gone_s: float, counted_s: float) -> None:
    """Nor on a machine whose clock is behind until it has asked for the time."""
    offline(broker)
    broker.running.end()
    state = stored(broker.path)
    left_at = time.time() - gone_s
    state.sessions[1] = msgspec.structs.replace(state.sessions[1], left_at=left_at)
    assert state.sessions[1].left_s() == pytest.approx(600 - counted_s, abs=1)
    file = StateFile(broker.path)
    file.write(Rows((), state.sessions.items(), ()))
    file.close()
    broker.running = RunningBroker(Limits(), state=broker.path)
    broker.restart()
    session = stored(broker.path).sessions[1]
    assert session.left_at is not None
    assert counted_s - 1 < time.time() - session.left_at < counted_s + 30
    assert session.left_s() <= 600 - counted_s


def test_subscriptions_that_are_no_longer_allowed_do_not_come_back(broker: Restarted) -> None:
    broker.running.accounts.known["guest"] = Bridge("guest")
    guest = broker.wire("guest", "g", clean_start=False)
    guest.subscribe("devices/#")
    broker.restart()
    assert broker.running.stats["subscriptions"] == 0


def test_after_a_kill_all_is_there_but_the_last_moment(broker: Restarted) -> None:
    offline(broker)
    writer = broker.wire("bridge", "writer")
    for number in range(50):
        writer.publish("TopicA/x", b"%d" % number, 1)
    writer.publish("TopicB", b"kept", 1, retain=True)
    eventually(lambda: len(stored(broker.path).messages.get(1, [])) == 50 and len(stored(broker.path).retained) == 1)
    broker.kill()
    back = broker.wire("bridge", "away", clean_start=False)
    assert [each[1] for each in back.messages(50)] == [b"%d" % number for number in range(50)]
    back.subscribe("TopicB")
    assert back.message().payload == b"kept"


def test_what_was_delivered_within_the_moment_is_never_written(broker: Restarted) -> None:
    """A session that is fast enough costs the disk nothing."""
    reader = broker.wire("bridge", "fast", clean_start=False)
    reader.subscribe("TopicA")
    writer = broker.wire("bridge", "writer")
    journal = broker.running.broker._shared.sessions.journal
    assert isinstance(journal, Journal)
    for _ in range(20):
        writer.publish("TopicA", b"x", 1)
        reader.message()
    reader.nothing_more()
    eventually(lambda: not journal._changes.messages)
    eventually(lambda: 1 in stored(broker.path).sessions)
    assert stored(broker.path).messages == {}


def test_a_file_that_cannot_be_read_is_set_aside(broker: Restarted, caplog: pytest.LogCaptureFixture) -> None:
    broker.running.end()
    broker.path.write_bytes(b"not a database" * 1000)
    broker.running = RunningBroker(Limits(), state=broker.path)
    assert "cannot be read and is now in" in caplog.text
    assert broker.path.with_suffix(".damaged").exists()
    broker.wire("bridge").publish("TopicA", b"kept", 1, retain=True)
    broker.restart()
    assert broker.running.stats["retained_messages"] == 1


def test_a_file_of_a_later_version_is_set_aside_whole_and_counted(broker: Restarted) -> None:
    broker.wire("bridge").publish("TopicA", b"kept", 1, retain=True)
    broker.running.end()
    with closing(sqlite3.connect(broker.path)) as database:
        database.execute("PRAGMA user_version = 99")
    broker.path.with_name("broker.damaged-wal").write_bytes(b"of an earlier time")
    broker.running = RunningBroker(Limits(), state=broker.path)
    assert broker.running.stats["state_set_aside"] == 1
    with closing(sqlite3.connect(broker.path.with_suffix(".damaged"))) as database:
        assert database.execute("SELECT topic FROM retained").fetchall() == [("TopicA",)]
    broker.restart()
    assert broker.running.stats["state_set_aside"] == 0


@pytest.mark.parametrize("version", [0, 1])
def test_a_file_that_a_killed_hub_has_half_made_is_completed(broker: Restarted, version: int) -> None:
    broker.running.end()
    with closing(sqlite3.connect(broker.path)) as database:
        database.execute("DROP TABLE messages")
        database.execute(f"PRAGMA user_version = {version}")
    broker.running = RunningBroker(Limits(), state=broker.path)
    assert broker.running.stats["state_set_aside"] == 0
    broker.wire("bridge").publish("TopicA", b"kept", 1, retain=True)
    broker.restart()
    assert broker.running.stats["retained_messages"] == 1


def test_nobody_waits_for_a_disk_that_cannot_be_written(broker: Restarted, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: StateFile, rows: object) -> None:
        raise ValueError("whatever it is")

    monkeypatch.setattr(StateFile, "write", fail)
    offline(broker)
    for _ in range(3):
        broker.running.run(broker.running.broker.written())
    assert broker.running.stats["state_write_failures"] == 1
    monkeypatch.undo()
    broker.restart()
    assert broker.wire().connect("bridge", "away", clean_start=False).session_present


@pytest.mark.parametrize("failure", ["the disk is full", "too many changes"])
def test_changes_that_were_given_up_are_made_up_for(
    broker: Restarted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: str
) -> None:
    offline(broker)
    eventually(lambda: 1 in stored(broker.path).sessions)
    if failure == "the disk is full":
        write = StateFile.write
        failures = [sqlite3.OperationalError(failure)]

        def fail_once(file: StateFile, rows: object) -> None:
            if failures:
                raise failures.pop()
            write(file, rows)  # type: ignore[arg-type]

        monkeypatch.setattr(StateFile, "write", fail_once)
        monkeypatch.setattr("bridges.broker.state_keeper.RETRY_S", 0.1)
    else:
        monkeypatch.setattr("bridges.broker.journal.MAX_CHANGES", 2)
    writer = broker.wire("bridge", "writer")
    for number in range(5):
        writer.publish("TopicA/x", b"%d" % number, 1, retain=True)
    eventually(lambda: len(stored(broker.path).messages.get(1, [])) == 5)
    if failure == "the disk is full":
        assert "The state of the broker cannot be written: the disk is full" in caplog.text
        assert broker.running.stats["state_write_failures"] == 1
    broker.kill()
    assert len(broker.wire("bridge", "away", clean_start=False).messages(5)) == 5
    assert broker.running.stats["retained_messages"] == 1
