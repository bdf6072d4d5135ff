"""The bridge between a broker, Mosquitto or the embedded one, and the database."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiomqtt
import pytest
from asgiref.sync import sync_to_async

from bridges.broker import Broker
from bridges.embedded.accounts import AccountAuthenticator, RevocationListener
from bridges.embedded.bridge import EmbeddedBridge
from bridges.embedded.program_rights import ProgramRights
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.bridge import run_bridge
from devices.availability import changes, checks, silence
from devices.availability.changes import Evidence
from devices.availability.silence import listening_since
from devices.channel import fanout, groups
from devices.channel.events import AvailabilityChanged, CommandChanged, Event, TelemetryStored
from devices.channel.listener import Listener
from devices.commands import lifecycle
from devices.log.entries import Outcome
from devices.models import Command, Device, Reading, Space, StoredRefusal, Watermark
from devices.registry import devices
from devices.rooms import provisioning
from devices.runtime import database, stats
from devices.runtime.credentials import hash_secret
from devices.telemetry.latest import latest_values
from devices.values import CommandStatus, now_us
from hub.sockets import bind
from tests.support.eventually import eventually_async
from tests.support.servers import Mosquitto

pytestmark = pytest.mark.django_db(transaction=True)


class Bridged:
    """A running bridge, a device's own MQTT client, and the events that come out."""

    def __init__(self, device: Device, secrets: dict[str, str], port: int) -> None:
        self.device, self.secrets, self.port = device, secrets, port
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.listener = Listener(self._events.put_nowait, lambda names, reason: None)

    async def event(self, kind: type[Event], **fields: object) -> Event:
        """The next event of this kind whose fields have these values."""
        async with asyncio.timeout(20):
            while True:
                event = await self._events.get()
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                    return event

    async def telemetry(self) -> dict[str, list[list[object]]]:
        """The next stored telemetry of the device."""
        event = await self.event(TelemetryStored)
        assert isinstance(event, TelemetryStored)
        return json.loads(event.parts[0].json)

    def client(self, username: str = "valve-1", **options: object) -> aiomqtt.Client:
        return aiomqtt.Client("127.0.0.1", self.port, username=username, password=self.secrets[username], **options)


@asynccontextmanager
async def bridging(
    device: Device, secrets: dict[str, str], port: int, run: Callable[..., Coroutine[None, None, None]]
) -> AsyncIterator[Bridged]:
    """`run` takes the events of `run_bridge`, stop and ready."""
    stop, ready = asyncio.Event(), asyncio.Event()
    bridge = asyncio.create_task(run(stop, ready))
    found = Bridged(device, secrets, port)
    await found.listener.start()
    await found.listener.join(groups.telemetry(groups.shard_of(device.id)))
    async with asyncio.timeout(20):
        await ready.wait()
    yield found
    stop.set()
    await asyncio.wait_for(bridge, 20)
    await found.listener.stop()


@pytest.fixture
async def secrets(space: Space) -> dict[str, str]:
    """uid -> secret of two devices of the hub."""
    made = [await sync_to_async(provisioning.create_device)(uid, space) for uid in ("valve-1", "valve-2")]
    return {device.uid: secret for device, secret in made}


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, {"bridge": hash_secret("bridge-secret")})
    yield broker
    broker.stop()


@pytest.fixture
async def by_mosquitto(secrets: dict[str, str], mosquitto: Mosquitto) -> AsyncIterator[Bridged]:
    """Mosquitto also lets `stranger` in, whom the hub does not know."""
    secrets["stranger"] = "stranger's secret"
    mosquitto.accounts |= {uid: hash_secret(secret) for uid, secret in secrets.items()}
    await asyncio.to_thread(mosquitto.start)
    device = await Device.objects.aget(uid="valve-1")
    address = BrokerAddress("127.0.0.1", mosquitto.port, "bridge", "bridge-secret")
    async with bridging(
        device, secrets, mosquitto.port, partial(run_bridge, "main", address, ["test-bridge"])
    ) as found:
        yield found


@pytest.fixture
async def by_embedded_broker(secrets: dict[str, str]) -> AsyncIterator[Bridged]:
    sock = bind("127.0.0.1", 0, "MQTT_PORT")
    bridge = EmbeddedBridge("main")
    broker = Broker(AccountAuthenticator(ProgramRights()), sock=sock, sink=bridge)
    await broker.start()
    revocations = RevocationListener(broker)
    await revocations.start()
    device = await Device.objects.aget(uid="valve-1")
    async with bridging(device, secrets, sock.getsockname()[1], partial(bridge.run, broker)) as found:
        yield found
    await revocations.stop()
    await broker.stop()


@pytest.fixture(params=["by_mosquitto", "by_embedded_broker"])
def bridged(request: pytest.FixtureRequest) -> Bridged:
    found: Bridged = request.getfixturevalue(request.param)
    return found


async def test_it_stores_telemetry_and_then_shows_it(bridged: Bridged) -> None:
    async with bridged.client() as client:
        await client.publish(
            "devices/valve-1/telemetry", '{"ts": 1760000000123, "values": {"a": 1.5, "on": true}}', qos=1
        )
        assert await bridged.telemetry() == {"a": [[1760000000123, 1.5]], "on": [[1760000000123, True]]}
    latest = await database.run(latest_values, [bridged.device.id])
    assert latest[bridged.device.id] == {"a": [1760000000123, 1.5], "on": [1760000000123, True]}


async def test_a_repeated_message_is_absorbed(bridged: Bridged) -> None:
    async with bridged.client() as client:
        for _ in range(2):
            await client.publish("devices/valve-1/telemetry", '{"ts": 1760000000123, "values": {"a": 1}}', qos=1)
            await bridged.telemetry()
    assert await Reading.objects.acount() == 1


async def test_messages_of_one_instant_do_not_swallow_each_other(bridged: Bridged) -> None:
    async with bridged.client() as client:
        await asyncio.gather(*[client.publish("devices/valve-1/telemetry", f'{{"a": {i}}}', qos=1) for i in range(200)])
        shown = []
        while len(shown) < 200:
            shown += (await bridged.telemetry())["a"]
    assert await Reading.objects.acount() == 200


@pytest.mark.parametrize("payload", [b'{"a": NaN}', b"\xff\xfe", b'{"a": 9223372036854775808}', b"", b'{"a":' * 500])
async def test_bad_telemetry_is_counted_and_the_next_good_message_arrives(bridged: Bridged, payload: bytes) -> None:
    before = total(stats.refused)
    async with bridged.client() as client:
        await client.publish("devices/valve-1/telemetry", payload, qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 7}', qos=1)
        assert (await bridged.telemetry())["a"][0][1] == 7
    await eventually_async(lambda: total(stats.refused) == before + 1)  # perhaps only after the good one is shown


async def kept(device: Device, count: int) -> list[StoredRefusal]:
    """The device's refused messages, once that many are counted in them."""
    async with asyncio.timeout(20):
        while True:
            rows = [row async for row in device.refusals.order_by("id")]
            if sum(row.count for row in rows) >= count:
                return rows
            await asyncio.sleep(0.05)


async def test_a_bad_message_is_kept_with_its_reason_and_its_beginning(bridged: Bridged) -> None:
    payload = b'{"a": "' + b"\x1b" * 100 + b"x" * 1000
    async with bridged.client() as client:
        await client.publish("devices/valve-1/telemetry", payload, qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 7}', qos=1)
        assert (await bridged.telemetry())["a"][0][1] == 7
    [row] = await kept(bridged.device, 1)
    assert (row.reason, row.kind, row.size, row.count) == ("invalid_json", "telemetry", len(payload), 1)
    assert row.start == '{"a": "' + r"\x1b" * 100 + "x" * 93


CATALOGUE: list[tuple[str, bytes, str]] = [
    ("telemetry", b'{"a": NaN}', "not_finite"),
    ("telemetry", b'{"a": -Infinity}', "not_finite"),
    ("telemetry", b'{"a": 1e999}', "not_finite"),
    ("telemetry", b'{"a": 9223372036854775808}', "out_of_range"),
    ("telemetry", b'{"a": 1%s}' % (b"0" * 64), "number_too_long"),
    ("telemetry", b'{"a":' * 9 + b"1" + b"}" * 9, "too_deep"),
    ("telemetry", b'{"a": "\xff"}', "invalid_utf8"),
    ("telemetry", '{"a": 1}'.encode("utf-16"), "invalid_encoding"),
    ("telemetry", b'{"a": "\\ud800"}', "invalid_unicode"),
    ("telemetry", b'{"a": "\\u0000"}', "nul_character"),
    ("telemetry", b'{"a": [{"b": 1}]}', "invalid_shape"),
    ("telemetry", b'{"ts": "yesterday", "values": {"a": 1}}', "timestamp_invalid"),
    ("telemetry", b'{"ts": 1760000000000, "a": 1}', "timestamp_misplaced"),
    ("telemetry", b"", "empty_payload"),
    ("telemetry", b"x" * 131_073, "payload_too_large"),
    ("telemetri", b'{"a": 1}', "bad_topic"),
    ("commands", b"{}", "bad_topic"),
    ("answers/a/b", b"{}", "bad_topic"),
]


async def test_bad_input_is_refused_by_name_acknowledged_and_kept(bridged: Bridged) -> None:
    async with bridged.client() as client:
        for kind, payload, _ in CATALOGUE:
            await client.publish(f"devices/valve-1/{kind}", payload, qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 7}', qos=1)
        assert (await bridged.telemetry())["a"][0][1] == 7  # on the same connection
    rows = await kept(bridged.device, len(CATALOGUE))
    found: Counter[str] = Counter()
    for row in rows:
        found[row.reason] += row.count
    assert found == Counter(reason for _, _, reason in CATALOGUE)
    topics = {row.key for row in rows if row.reason == "bad_topic"}
    assert topics == {f"devices/valve-1/{kind}" for kind, _, reason in CATALOGUE if reason == "bad_topic"}
    [large] = [row for row in rows if row.reason == "payload_too_large"]
    assert (large.size, large.start, large.detail) == (131_073, "x" * 200, "131073 bytes")


async def test_retained_telemetry_is_stored_when_it_is_published(bridged: Bridged) -> None:
    async with bridged.client() as client:
        for value in (1, 2):
            await client.publish("devices/valve-1/telemetry", b'{"a": %d}' % value, qos=1, retain=True)
            assert (await bridged.telemetry())["a"][0][1] == value
    assert await Reading.objects.acount() == 2


async def test_retained_telemetry_that_the_broker_repeats_is_stored_once(by_mosquitto: Bridged) -> None:
    first = b'[{"ts": %d, "values": {"a": 1}}, {"b": 2, "c": NaN}]' % (now_us() // 1000)
    async with by_mosquitto.client() as client:
        await client.publish("devices/valve-1/telemetry", first, qos=1, retain=True)
        await by_mosquitto.telemetry()
        await Device.objects.aupdate(availability="stale")
        await StoredRefusal.objects.all().adelete()
        address = BrokerAddress("127.0.0.1", by_mosquitto.port, "bridge", "bridge-secret")
        again = partial(run_bridge, "main", address, ["another"])
        async with bridging(by_mosquitto.device, by_mosquitto.secrets, by_mosquitto.port, again):
            rows = await kept(by_mosquitto.device, 2)
    assert {(row.reason, row.key) for row in rows} == {("retained", "b"), ("not_finite", "c")}
    assert await Reading.objects.acount() == 2
    await by_mosquitto.device.arefresh_from_db()
    assert by_mosquitto.device.availability == "stale"  # a repeat is not a sign of life


async def test_a_time_far_in_the_future_is_flagged_and_stored_with_the_time_of_receipt(bridged: Bridged) -> None:
    before = stats.flagged.labels("time_in_future")._value.get()
    async with bridged.client() as client:
        await client.publish("devices/valve-1/telemetry", '{"ts": "2999-01-01", "values": {"a": 1}}', qos=1)
        [[at, _]] = (await bridged.telemetry())["a"]
    assert abs(at - now_us() / 1000) < 60_000
    assert stats.flagged.labels("time_in_future")._value.get() == before + 1


async def test_a_flood_of_bad_messages_needs_few_rows_and_every_one_counts(bridged: Bridged) -> None:
    async with bridged.client() as client:
        client.pending_calls_threshold = 10_000
        for _ in range(50):
            await asyncio.gather(
                *[client.publish("devices/valve-1/telemetry", b'{"a": NaN}', qos=1) for _ in range(100)]
            )
    rows = await kept(bridged.device, 5_000)
    assert sum(row.count for row in rows) == 5_000
    assert {row.reason for row in rows} <= {"not_finite", "rate_limited"}
    assert len(rows) <= 2


async def test_an_unknown_device_is_counted_and_loses_nothing_else(by_mosquitto: Bridged) -> None:
    before = stats.refused.labels("unknown_device")._value.get()
    async with by_mosquitto.client("stranger") as stranger, by_mosquitto.client() as client:
        await stranger.publish("devices/stranger/telemetry", '{"a": 1}', qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 2}', qos=1)
        await by_mosquitto.telemetry()
    assert stats.refused.labels("unknown_device")._value.get() == before + 1


async def test_status_and_will_change_the_availability(bridged: Bridged) -> None:
    will = aiomqtt.Will("devices/valve-1/status", "offline", qos=1, retain=True)
    async with bridged.client(will=will) as client:
        await client.publish("devices/valve-1/status", "online", qos=1, retain=True)
        await bridged.event(AvailabilityChanged, status="online")
        client._client.socket().shutdown(2)  # a device that loses its power sends no DISCONNECT
        await bridged.event(AvailabilityChanged, status="offline")
        with pytest.raises(aiomqtt.MqttError):
            await client.publish("devices/valve-1/status", "online", qos=1)
    await bridged.device.arefresh_from_db()
    assert bridged.device.availability == "offline"


async def test_attributes_are_merged(bridged: Bridged) -> None:
    async with bridged.client() as client:
        await client.publish("devices/valve-1/attributes", '{"model": "V", "firmware": "1"}', qos=1)
        await client.publish("devices/valve-1/attributes", '{"firmware": "2"}', qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
        await bridged.telemetry()
    await bridged.device.arefresh_from_db()
    assert bridged.device.attributes == {"model": "V", "firmware": "2"}


async def test_a_command_reaches_the_device_and_its_answer_comes_back(bridged: Bridged, bob) -> None:
    async with bridged.client() as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
        issued = await lifecycle.issue(bob, "valve-1", "set", {"open": 40})
        message = await anext(client.messages)
        expires_at = issued.expires_at // 1000
        assert json.loads(message.payload) == {"name": "set", "args": {"open": 40}, "expires_at": expires_at}
        assert str(message.topic) == f"devices/valve-1/commands/{issued.id}"
        await client.publish(f"devices/valve-1/answers/{issued.id}", '{"ok": true, "result": {"open": 40}}', qos=1)
        done = await bridged.event(CommandChanged, status="succeeded")
    assert isinstance(done, CommandChanged)
    assert (done.id, done.result, done.by) == (issued.id, {"open": 40}, "bob")


async def test_a_command_without_an_answer_times_out(bridged: Bridged, bob) -> None:
    issued = await lifecycle.issue(bob, "valve-1", "set", {}, timeout_s=0.2)
    await bridged.event(CommandChanged, status="timed_out")
    await issued.arefresh_from_db()
    assert issued.status == CommandStatus.TIMED_OUT


async def test_a_late_answer_is_announced(bridged: Bridged, bob) -> None:
    issued = await lifecycle.issue(bob, "valve-1", "set", {}, timeout_s=0.2)
    await bridged.event(CommandChanged, status="timed_out", late=False)
    async with bridged.client() as client:
        await client.publish(f"devices/valve-1/answers/{issued.id}", '{"ok": true, "result": 40}', qos=1)
        late = await bridged.event(CommandChanged, status="timed_out", late=True)
    assert isinstance(late, CommandChanged)
    assert (late.id, late.result, late.error) == (issued.id, 40, "")


async def test_a_device_that_never_answers_is_believed_by_what_it_reports(bridged: Bridged, bob) -> None:
    await sync_to_async(devices.set_answers)(bridged.device, False)
    async with bridged.client() as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
        await client.publish("devices/valve-1/telemetry", '{"open": "OFF"}', qos=1)
        done = await lifecycle.issue(bob, "valve-1", "set", {"open": True})
        await anext(client.messages)
        await client.publish("devices/valve-1/telemetry", '{"open": "ON"}', qos=1)
        await bridged.event(CommandChanged, id=done.id, status="succeeded", result={"open": "ON"})
        lost = await lifecycle.issue(bob, "valve-1", "set", {"open": False}, timeout_s=0.7)
        await client.publish("devices/valve-1/telemetry", '{"open": "ON"}', qos=1)
        await bridged.event(CommandChanged, id=lost.id, status="unconfirmed")


async def test_a_device_that_comes_back_does_not_get_a_command_that_has_timed_out(bridged: Bridged, bob) -> None:
    persistent = partial(bridged.client, identifier="valve", clean_session=False)
    async with persistent() as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
    late = await lifecycle.issue(bob, "valve-1", "set", {"open": 40}, timeout_s=0.5)
    await bridged.event(CommandChanged, status="sent")
    await bridged.event(CommandChanged, status="timed_out")
    kept = await lifecycle.issue(bob, "valve-1", "set", {"open": 50}, timeout_s=60)
    await bridged.event(CommandChanged, status="sent")
    await eventually_async(lambda: now_us() > late.issued_at + 2_500_000)  # Mosquitto rounds up to whole seconds, twice
    async with persistent() as client, asyncio.timeout(20):
        assert str((await anext(client.messages)).topic) == f"devices/valve-1/commands/{kept.id}"


async def test_an_answer_counts_once_and_only_from_the_device_itself(bridged: Bridged, bob) -> None:
    issued = await lifecycle.issue(bob, "valve-1", "set", {})
    before = stats.refused.labels("unknown_command")._value.get()
    async with bridged.client("valve-2") as other, bridged.client() as client:
        await other.publish(f"devices/valve-2/answers/{issued.id}", '{"ok": true}', qos=1)
        await client.publish(f"devices/valve-1/answers/{issued.id}", '{"ok": false, "error": "stuck"}', qos=1)
        await client.publish(f"devices/valve-1/answers/{issued.id}", '{"ok": true}', qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
        await bridged.telemetry()
    await issued.arefresh_from_db()
    assert (issued.status, issued.error) == (CommandStatus.FAILED, "stuck")
    assert stats.refused.labels("unknown_command")._value.get() == before + 2


async def test_a_replaced_secret_cuts_the_device_off(by_embedded_broker: Bridged, secrets: dict[str, str]) -> None:
    async with by_embedded_broker.client("valve-2") as other, by_embedded_broker.client() as client:
        await other.subscribe("devices/valve-2/commands/+")
        new = await sync_to_async(devices.rotate_secret)(by_embedded_broker.device)
        with pytest.raises(aiomqtt.MqttError):
            async with asyncio.timeout(20):
                await anext(client.messages)
        with pytest.raises(aiomqtt.MqttError):
            async with by_embedded_broker.client():
                pass
        secrets["valve-1"] = new
        async with by_embedded_broker.client() as again:
            await again.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
            await by_embedded_broker.telemetry()
        await other.publish("devices/valve-2/status", "online", qos=1)  # nobody else was touched


async def test_it_reconnects_by_itself_and_loses_no_command(by_mosquitto: Bridged, mosquitto: Mosquitto, bob) -> None:
    await asyncio.to_thread(mosquitto.stop)
    issued = await lifecycle.issue(bob, "valve-1", "set", {"open": 1})
    await asyncio.to_thread(mosquitto.start)
    await by_mosquitto.event(CommandChanged, id=issued.id, status="sent")
    # The inbound side is back as well once what is published after the restart is stored; QoS 1 messages that come
    # before it has subscribed reach nobody, as Mosquitto is configured to forget its sessions.
    async with by_mosquitto.client() as client, asyncio.timeout(20):
        stored = asyncio.create_task(by_mosquitto.telemetry())
        while not stored.done():
            await client.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
            await asyncio.wait({stored}, timeout=0.2)
    assert await Command.objects.filter(status=CommandStatus.SENT).acount() == 1


def total(counter) -> float:
    return sum(
        sample.value for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total")
    )


STATUS = "devices/valve-1/status"
WILL = aiomqtt.Will(STATUS, "offline", qos=1, retain=True)


async def online(client: aiomqtt.Client) -> None:
    await client.publish(STATUS, "online", qos=1, retain=True)


async def test_after_a_take_over_a_device_that_sends_is_online(bridged: Bridged) -> None:
    """The will of the connection that was taken over may arrive after the status of the new one."""
    first = bridged.client(identifier="valve", will=WILL)
    await first.__aenter__()
    await online(first)
    await bridged.event(AvailabilityChanged, status="online")
    async with bridged.client(identifier="valve", will=WILL) as second:
        await bridged.event(AvailabilityChanged, status="offline")
        await second.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
        await bridged.event(AvailabilityChanged, status="online")
        await bridged.device.arefresh_from_db()
        assert bridged.device.availability == "online"
    await first.__aexit__(None, None, None)


@pytest.mark.parametrize(
    ("kind", "payload"), [("telemetry", '{"a": 1}'), ("attributes", '{"model": "V"}'), ("status", "online")]
)
async def test_any_message_brings_a_silent_device_back(bridged: Bridged, kind: str, payload: str) -> None:
    await Device.objects.aupdate(availability="stale")
    async with bridged.client() as client:
        await client.publish(f"devices/valve-1/{kind}", payload, qos=1)
        await bridged.event(AvailabilityChanged, status="online")


async def test_what_the_broker_repeats_brings_no_silent_device_back(
    by_mosquitto: Bridged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retained word comes again with each subscription, however long its device has been silent."""
    async with by_mosquitto.client() as client:
        await online(client)
        await by_mosquitto.event(AvailabilityChanged, status="online")
        await Device.objects.aupdate(availability="stale")
        taken: asyncio.Queue[bool] = asyncio.Queue()
        loop, weigh = asyncio.get_running_loop(), changes.weigh

        def watched(evidence: list[Evidence]) -> Outcome:
            outcome = weigh(evidence)
            for found in evidence:
                loop.call_soon_threadsafe(taken.put_nowait, found.repeated)
            return outcome

        monkeypatch.setattr(changes, "weigh", watched)
        address = BrokerAddress("127.0.0.1", by_mosquitto.port, "bridge", "bridge-secret")
        async with bridging(
            by_mosquitto.device,
            by_mosquitto.secrets,
            by_mosquitto.port,
            partial(run_bridge, "main", address, ["another"]),
        ):
            assert await asyncio.wait_for(taken.get(), 20)
            await by_mosquitto.device.arefresh_from_db()
            assert by_mosquitto.device.availability == "stale"
            await online(client)
            await by_mosquitto.event(AvailabilityChanged, status="online")


async def test_a_connected_bridge_records_that_it_listens(bridged: Bridged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without that nobody would ever become stale."""
    said, loop, record_listening = asyncio.Event(), asyncio.get_running_loop(), silence.record_listening

    def watched(now: int) -> None:
        record_listening(now)
        loop.call_soon_threadsafe(said.set)

    monkeypatch.setattr(silence, "record_listening", watched)
    await asyncio.wait_for(said.wait(), 20)
    assert await database.run(listening_since, now_us())


async def test_silence_is_shown_to_viewers(bridged: Bridged) -> None:
    async with bridged.client() as client:
        await client.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
        await bridged.event(AvailabilityChanged, status="online")
    later = now_us() + 400_000_000
    await Watermark.objects.abulk_create(
        [Watermark(name="listening", time=later), Watermark(name="listening_since", time=0)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["time"],
    )
    await fanout.publish(await database.run(checks.check, later))
    await bridged.event(AvailabilityChanged, status="stale")
