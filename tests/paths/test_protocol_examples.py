"""The examples of docs/, run unchanged."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.servers import ROOT, START_S, find
from tests.support.viewer import Viewer

_BLOCK = re.compile(r"<!-- example: (?P<name>\w+) -->\n```\w+\n(?P<code>.*?)```", re.DOTALL)
PAGES = {path: path.read_text() for path in sorted((ROOT / "docs").rglob("*.md"))}
EXAMPLES = {found["name"]: found["code"] for page in PAGES.values() for found in _BLOCK.finditer(page)}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with the chat command of docs/rooms.md."""
    folder = tmp_path_factory.mktemp("apps")
    (folder / "greenhouse").mkdir()
    (folder / "greenhouse/__init__.py").touch()
    (folder / "greenhouse/chat_commands.py").write_text(EXAMPLES["app"])
    server = RunningHub(tmp_path_factory.mktemp("hub"), EXTRA_APPS="greenhouse", PYTHONPATH=str(folder))
    server.start()
    yield server
    code = server.stop()
    print(server.output)
    assert code == 0


@pytest.fixture
def environment(hub: RunningHub, request: pytest.FixtureRequest) -> dict[str, str]:
    device = hub.create_device(f"example-{zlib.crc32(request.node.name.encode())}")
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "HUB": hub.url,
        "MQTT_PORT": str(hub.mqtt_port),
        "DEVICE_UID": device.uid,
        "DEVICE_SECRET": device.secret,
        "MQTT_USERNAME": "bob",
        "TOKEN": hub.create_token("bob"),
    }


@pytest.fixture
def device(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", EXAMPLES["device"]], env=environment, text=True)
    yield process
    process.kill()
    process.wait()


def test_every_example_is_known_to_the_tests() -> None:
    of_the_protocol = {"device", "ingest", "client", "events", "http", "csv", "rooms", "webhook", "program"}
    assert set(EXAMPLES) == of_the_protocol | {"app", "follower", "bot", "post"}


def test_example_names_are_unique() -> None:
    assert sum(len(_BLOCK.findall(page)) for page in PAGES.values()) == len(EXAMPLES)


def test_every_example_said_to_run_in_the_tests_is_marked() -> None:
    for path, page in PAGES.items():
        promised, run = page.count("*Runs in the tests:*"), len(_BLOCK.findall(page))
        assert promised == run, f"{path} promises {promised} examples and has {run}"


def test_the_client_example_watches_and_commands_a_device(
    environment: dict[str, str], device: subprocess.Popen[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXAMPLES["client"]], env=environment, capture_output=True, text=True, timeout=START_S
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "welcome bob"
    assert lines[1].startswith("snapshot ")
    assert any(line.startswith("telemetry {'speed': [[") for line in lines)
    assert lines[-1] == "answer {'speed': 40}"


def test_the_program_example_sets_a_device_over_mqtt(
    environment: dict[str, str], device: subprocess.Popen[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXAMPLES["program"]], env=environment, capture_output=True, text=True, timeout=START_S
    )
    assert done.returncode == 0, done.stderr
    lines, topic = done.stdout.splitlines(), f"devices/{environment['DEVICE_UID']}"
    assert lines[0] == "connected: Success"
    assert lines[1].startswith(f"{topic}/telemetry ")
    assert "set: Success" in lines
    assert lines[-1].startswith(f"{topic}/answers/")
    assert lines[-1].endswith('{"ok": true, "result": {"speed": 40}}')


def test_the_curl_example_follows_a_device(environment: dict[str, str], device: subprocess.Popen[str]) -> None:
    find("curl")
    done = subprocess.run(
        ["sh", "-euc", EXAMPLES["events"]], env=environment, capture_output=True, text=True, timeout=START_S
    )
    frames = [json.loads(line.removeprefix("data: ")) for line in done.stdout.splitlines() if line.startswith("data: ")]
    assert [frame["type"] for frame in frames[:2]] == ["welcome", "snapshot"]
    assert any(frame["type"] == "telemetry" for frame in frames)


def test_the_ingest_example_stores_a_reading(environment: dict[str, str]) -> None:
    find("curl")
    with Viewer(environment["HUB"], environment["TOKEN"]) as viewer:
        uid = environment["DEVICE_UID"]
        viewer.subscribe(f"device:{uid}")
        subprocess.run(["sh", "-euc", EXAMPLES["ingest"]], env=environment, check=True, timeout=START_S)
        assert viewer.telemetry(uid)["temperature"][0][1] == 21.5


def test_the_http_example_sends_a_command_and_reads_history(
    environment: dict[str, str], device: subprocess.Popen[str]
) -> None:
    find("curl")
    with Viewer(environment["HUB"], environment["TOKEN"]) as viewer:
        viewer.subscribe(f"device:{environment['DEVICE_UID']}")
        viewer.telemetry(environment["DEVICE_UID"])  # the device is connected
        done = subprocess.run(
            ["sh", "-euc", EXAMPLES["http"]], env=environment, capture_output=True, text=True, timeout=START_S
        )
        assert done.returncode == 0, done.stderr
        assert viewer.push("command", status="succeeded")["result"] == {"speed": 30}
    issued, columns = (json.loads(text) for text in done.stdout.replace("}{", "}\n{").splitlines())
    assert issued["status"] == "queued"
    assert columns["resolution"] == "raw"
    assert columns["v"][0] == 0


def test_the_csv_example_exports_and_imports_history(
    environment: dict[str, str], hub: RunningHub, tmp_path: Path
) -> None:
    find("curl")
    uid = environment["DEVICE_UID"]
    (tmp_path / "history.csv").write_text(f"time,speed\n{int(time.time()) * 1000},40\n")
    assert "1 stored" in hub.manage("importreadings", uid, str(tmp_path / "history.csv"))
    environment |= {"MANAGER_TOKEN": hub.create_token("alice")}
    done = subprocess.run(
        ["sh", "-euc", EXAMPLES["csv"]], env=environment, cwd=tmp_path, check=True, capture_output=True, timeout=START_S
    )
    assert (tmp_path / f"{uid}.csv").read_text().endswith(",speed,40\n")
    answer = json.loads(done.stdout)
    assert (answer["stored"], answer["present"], answer["refused"]) == (0, 1, 0)


@dataclass(frozen=True)
class DeviceRoom:
    """The room of the example's device, as seen by alice, who manages the space."""

    client: httpx.Client
    room: int

    @property
    def messages(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.client.get(f"rooms/{self.room}/messages").json()["items"]
        return items

    def post(self, text: str) -> None:
        self.client.post(f"rooms/{self.room}/messages", json={"text": text}).raise_for_status()

    def wait_for_message(self, text: str) -> dict[str, Any]:
        """Waits for a message that contains the text, and returns it."""
        found: list[dict[str, Any]] = []

        def is_posted() -> bool:
            found[:] = [message for message in self.messages if text in message["text"]]
            return bool(found)

        eventually(is_posted)
        return found[0]


@pytest.fixture
def device_room(hub: RunningHub, environment: dict[str, str]) -> Iterator[DeviceRoom]:
    rights = {"Authorization": f"Bearer {hub.create_token('alice')}"}
    with httpx.Client(base_url=f"{hub.url}/api/v1/", headers=rights, timeout=START_S) as client:
        rooms = client.get("rooms").json()["items"]
        [room] = [room["id"] for room in rooms if room["device"] == environment["DEVICE_UID"]]
        environment["ROOM"] = str(room)
        yield DeviceRoom(client, room)


def test_the_room_example_posts_a_message_and_a_file(
    environment: dict[str, str], device_room: DeviceRoom, tmp_path: Path
) -> None:
    find("curl")
    (tmp_path / "sound.txt").write_text("brrr")
    command = ["sh", "-euc", EXAMPLES["rooms"]]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=START_S
    )
    assert "the pump is loud" in done.stdout
    [file] = device_room.wait_for_message("this is how it sounds")["files"]
    assert device_room.client.get(f"rooms/{device_room.room}/files/{file['id']}/sound.txt").text == "brrr"


@contextmanager
def running(example: str, environment: dict[str, str]) -> Iterator[None]:
    """Runs a bot, which has read the room when the block begins."""
    command = [sys.executable, "-c", EXAMPLES[example]]
    bot = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert bot.stdout is not None
        assert bot.stdout.readline() == "listening\n"
        yield
    finally:
        bot.kill()
        bot.communicate()


def test_the_bot_example_answers(environment: dict[str, str], device_room: DeviceRoom) -> None:
    with running("bot", environment):
        device_room.post("!dice")
        answer = device_room.wait_for_message("@alice has thrown ")
        assert (answer["author"], answer["data"]) == ("bob", {"mentions": ["alice"]})


def test_the_follower_example_answers_mentions(environment: dict[str, str], device_room: DeviceRoom) -> None:
    with running("follower", environment):
        device_room.post("nobody is meant")
        device_room.post("@bob the beds are dry")
        answer = device_room.wait_for_message("I have read: ")
        assert (answer["author"], answer["text"]) == ("bob", "@alice I have read: @bob the beds are dry")


def test_the_post_example_posts_a_message_once(environment: dict[str, str], device_room: DeviceRoom) -> None:
    find("curl")
    for _ in range(2):
        subprocess.run(["sh", "-euc", EXAMPLES["post"]], env=environment, check=True, timeout=START_S)
    assert [message["key"] for message in device_room.messages if message["text"] == "watered"] == ["watered-monday"]


def test_the_chat_command_example_answers(
    environment: dict[str, str], device_room: DeviceRoom, hub: RunningHub
) -> None:
    assert device_room.client.post(f"rooms/{device_room.room}/messages", json={"text": "/dew"}).status_code == 404
    uid, secret = environment["DEVICE_UID"], environment["DEVICE_SECRET"]
    values = {"temperature": 20, "humidity": 50}
    httpx.post(f"{hub.url}/api/v1/devices/{uid}/telemetry", auth=(uid, secret), json=values).raise_for_status()
    device_room.post("/dew")
    assert device_room.wait_for_message("dew point: **9.3 °C**")["kind"] == "note"
    names = [one["name"] for one in device_room.client.get(f"rooms/{device_room.room}/chat-commands").json()["items"]]
    assert "dew" in names


def test_the_webhook_example_posts_a_message(environment: dict[str, str], device_room: DeviceRoom) -> None:
    find("curl")
    made = device_room.client.post(f"rooms/{device_room.room}/webhooks", json={"name": "ci"}).json()
    environment["WEBHOOK"] = made["url"]
    subprocess.run(["sh", "-euc", EXAMPLES["webhook"]], env=environment, check=True, timeout=START_S)
    assert device_room.wait_for_message("the build is green")["author"] == "ci"
