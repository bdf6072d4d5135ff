"""Several bridges: each has its own client id, two share the load, and another takes over the lead."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from tests.support.eventually import eventually
from tests.support.postgres import Postgres
from tests.support.servers import ROOT, START_S, Bridge, Mosquitto
from tests.support.soak import usually
from tests.support.stack import UIDS, Stack

MESSAGES = usually(2_000, soak=4_000)

pytestmark = pytest.mark.timeout(300)


class SharedStack(Stack):
    """A stack without a bridge at first, whose Mosquitto logs each packet."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "conf.d").mkdir()
        (folder / "conf.d" / "log.conf").write_text("log_type all\n")
        self.bridges = [Bridge(folder, self.settings, "--of", "2") for _ in range(2)]

    @property
    def servers(self) -> list[Mosquitto | Bridge]:  # type: ignore[override]
        return [self.redis, self.mosquitto, *(each for each in self.bridges if each.process)]  # type: ignore[list-item]

    def sent(self, pattern: str = "") -> Counter[str]:
        """Name of the bridge -> messages that the broker has sent it and logged in a line that matches `pattern`."""
        lines = re.findall(rf"Sending PUBLISH to (hubbub-bridge-\d)-\w+ .*{pattern}", self.mosquitto.output)
        return Counter(lines)

    def publish_status(self, uid: str, status: str) -> None:
        secret = next(device.secret for device in self.devices if device.uid == uid)
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=uid)
        client.username_pw_set(uid, secret)
        client.connect("127.0.0.1", self.mosquitto.port)
        client.loop_start()
        client.publish(f"devices/{uid}/status", status, qos=1, retain=True).wait_for_publish(START_S)
        client.disconnect()
        client.loop_stop()

    def availability(self) -> dict[str, str]:
        found = dict(self.rows("SELECT uid, availability FROM devices_device"))  # type: ignore[arg-type]
        return {uid: found[uid] for uid in UIDS}


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SharedStack]:
    with SharedStack(tmp_path) as found:
        yield found


def run(bridge: Bridge) -> subprocess.CompletedProcess[str]:
    """Runs a bridge that is expected to exit by itself."""
    return subprocess.run(
        bridge.command(), env=bridge.environment(), cwd=ROOT, capture_output=True, text=True, timeout=START_S
    )


def test_a_second_bridge_with_the_same_client_id_exits_without_disturbing_the_first(
    stack: Stack, tmp_path: Path
) -> None:
    publisher = stack.publisher(MESSAGES)
    publisher.wait_until_sent(100)
    done = run(Bridge(tmp_path, stack.settings))
    assert done.returncode == 1
    assert "a bridge with the client id 'hubbub-bridge' is already running" in done.stderr
    assert "--client-id" in done.stderr
    stack.check(publisher)
    assert stack.bridge.output.count(Bridge.READY) == 1
    assert len(re.findall(r"as hubbub-bridge-[0-9a-f]{32} ", stack.mosquitto.output)) == 1


def test_two_bridges_share_the_load_and_lose_nothing_when_one_is_killed(shared: SharedStack) -> None:
    one, other = shared.bridges
    one.start()
    other.start()
    publishers = [shared.publisher(MESSAGES, device=i, per_second=800) for i in range(2)]
    publishers[0].wait_until_sent(MESSAGES // 3)
    one.kill()
    publishers[0].wait_until_sent(MESSAGES // 2)
    one.start()
    shared.check(*publishers)
    sent = shared.sent("telemetry")
    assert min(sent["hubbub-bridge-1"], sent["hubbub-bridge-2"]) > MESSAGES / 10, sent


def test_a_bridge_exits_with_an_error_when_all_bridges_of_the_group_run_already(
    shared: SharedStack, tmp_path: Path
) -> None:
    for bridge in shared.bridges:
        bridge.start()
    done = run(Bridge(tmp_path, shared.settings, "--of", "2"))
    assert done.returncode == 1
    assert "all of the 2 bridges are running, hubbub-bridge-1 to hubbub-bridge-2" in done.stderr


def test_one_bridge_receives_the_retained_status_and_another_takes_over(shared: SharedStack) -> None:
    for uid in UIDS:
        shared.publish_status(uid, "online")
    one, other = shared.bridges
    one.start()
    eventually(lambda: "this bridge leads those of broker main" in one.output)
    other.start()
    eventually(lambda: set(shared.availability().values()) == {"online"})
    retained = r"r1, .*/status"
    assert shared.sent(retained) == {"hubbub-bridge-1": len(UIDS)}

    one.kill()
    eventually(lambda: "this bridge leads those of broker main" in other.output)
    eventually(lambda: shared.sent(retained)["hubbub-bridge-2"] == len(UIDS))
    one.start()
    assert shared.sent(retained) == {"hubbub-bridge-1": len(UIDS), "hubbub-bridge-2": len(UIDS)}
    assert "no longer leads" not in other.output


class TestOnPostgresql:
    @pytest.fixture
    def postgres(self, tmp_path: Path) -> Iterator[Postgres]:
        server = Postgres(tmp_path)
        server.start()
        yield server
        server.remove()

    @pytest.fixture
    def stack(self, tmp_path: Path, postgres: Postgres) -> Iterator[Stack]:
        with Stack(tmp_path, DATABASE_URL=postgres.url) as found:
            yield found

    def test_a_killed_bridge_regains_its_client_id_at_once_but_a_second_bridge_exits(
        self, stack: Stack, tmp_path: Path
    ) -> None:
        publisher = stack.publisher(MESSAGES)
        for part in (1, 2):
            publisher.wait_until_sent(MESSAGES * part // 4)
            stack.bridge.kill()
            stack.bridge.start()
        assert run(Bridge(tmp_path, stack.settings)).returncode == 1
        stack.check(publisher)

    def test_a_bridge_that_lost_its_client_id_during_an_outage_stops(
        self, stack: Stack, postgres: Postgres, tmp_path: Path
    ) -> None:
        stack.bridge.process.send_signal(19)  # SIGSTOP: the server ends its connections, and it does not notice
        postgres.stop()
        postgres.start()
        other = Bridge(tmp_path, stack.settings)
        other.start()
        stack.bridge.process.send_signal(18)
        eventually(lambda: stack.bridge.process.poll() is not None)
        assert stack.bridge.process.returncode == 1
        assert "another bridge took the client id 'hubbub-bridge'" in stack.bridge.output
        other.stop()
