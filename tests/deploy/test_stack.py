"""The whole way through all parts of docker-compose.yml, as processes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.deploy.client import HOST, ORIGIN, Browser, Device, secret_in
from tests.deploy.containers import Container, Stack

pytestmark = pytest.mark.timeout(300)


def test_cookies_of_the_login_go_over_tls_alone(stack: Stack, manager: Browser) -> None:
    cookies = [cookie for cookie in manager.http.cookies.jar if cookie.name in ("hubbub_session", "csrftoken")]
    assert len(cookies) == 2
    assert all(cookie.secure for cookie in cookies)


def test_without_tls_one_is_sent_there(stack: Stack) -> None:
    answer = httpx.get(f"http://{stack['proxy'].address}:8080/devices/x/?y=1", headers={"Host": HOST})
    assert answer.status_code == 308
    assert answer.headers["location"] == f"{ORIGIN}/devices/x/?y=1"


def test_a_form_from_elsewhere_is_refused(manager: Browser) -> None:
    token = manager.http.cookies["csrftoken"]
    answer = manager.http.post(
        "/add-device/", data={"csrfmiddlewaretoken": token}, headers={"Origin": "https://evil.test"}
    )
    assert answer.status_code == 403


def test_pages_come_with_their_files(manager: Browser) -> None:
    page = manager.http.get("/").text
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert any("vendor/" in file for file in files)
    for file in files:
        answer = manager.http.get(file)
        assert answer.status_code == 200, file
        if len(answer.content) > 1_000 and file.endswith((".css", ".js")):
            assert answer.headers["content-encoding"] == "gzip"


def test_a_new_device_is_told_where_the_broker_is_and_is_let_in(stack: Stack, manager: Browser) -> None:
    page = manager.add_device("fan")
    assert "-h mqtt.hub.test -p 1883" in page
    fan = Device(stack["mosquitto"].address, "fan", secret_in(page))
    fan.await_connection()  # refused until Mosquitto has read the file that `accounts` has written
    fan.stop()


def test_a_device_is_refused_with_another_s_secret(stack: Stack, pump: Device) -> None:
    intruder = Device(stack["mosquitto"].address, "pump", "wrong")
    assert not intruder.is_let_in()
    intruder.stop()


def test_a_viewer_sees_what_a_device_publishes(manager: Browser, pump: Device) -> None:
    with manager.live() as live:
        assert live.request("subscribe", stream="device:pump")["ok"]
        pump.publish(flow=12.5)
        assert live.values("pump", "flow") == [12.5]


def test_a_command_reaches_the_device_and_its_answer_comes_back(manager: Browser, pump: Device) -> None:
    with manager.live() as live:
        live.request("subscribe", stream="device:pump")
        id = live.request("command", device="pump", name="set", args={"speed": 7})["result"]["command"]
        assert live.push("command", id=id, status="succeeded")["result"] == {"speed": 7}


def test_a_page_from_elsewhere_gets_no_live_connection(manager: Browser, pump: Device) -> None:
    with pytest.raises(InvalidStatus, match="403"), manager.live(origin="https://evil.test"):
        pass


def test_events_are_not_held_back(manager: Browser, pump: Device) -> None:
    with manager.http.stream("GET", "/api/v1/stream?device=pump") as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        _until(lines, "snapshot")
        for value in (1, 2, 3):  # one at a time: the next is published when this one has been seen
            pump.publish(flow=value)
            event = _until(lines, "telemetry")
            assert [point[1] for point in event["devices"]["pump"]["flow"]] == [value]


def _until(lines: Iterator[str], type: str) -> dict:  # type: ignore[type-arg]
    for line in lines:
        if line.startswith("data: ") and (event := json.loads(line[6:]))["type"] == type:
            return event
    raise AssertionError(f"the stream ended before a {type}")


def test_counters_of_web_processes_are_closed_to_the_world(stack: Stack, manager: Browser) -> None:
    assert manager.http.get("/metrics").status_code == 401
    spoofed = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
    assert manager.http.get("/metrics", headers=spoofed).status_code == 401


def test_every_hop_counts(stack: Stack, manager: Browser, pump: Device) -> None:
    with manager.live() as live:
        live.request("subscribe", stream="device:pump")
        pump.publish(flow=99)
        live.values("pump", "flow")
    bridges = [_counts(each) for each in stack.containers["bridge"]]
    for name in (
        'hubbub_messages_received_total{kind="telemetry"}',
        "hubbub_readings_stored_total",
        "hubbub_batch_messages_count",
        "hubbub_batch_seconds_count",
        "hubbub_publish_lag_seconds_count",
    ):
        assert sum(counts.get(name, 0) for counts in bridges) > 0, name
    assert sum(_counts(each)["hubbub_frames_sent_total"] for each in stack.containers["web"]) > 0
    assert _counts(stack["worker"])["hubbub_store_failures_total"] == 0


def _counts(container: Container) -> dict[str, float]:
    lines = httpx.get(f"http://{container.address}:9100/metrics").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_the_hub_knows_who_comes_through_the_proxy(stack: Stack, manager: Browser) -> None:
    """Else ten failed logins of anybody would lock everybody's name."""
    code = "from axes.models import AccessLog; print(AccessLog.objects.get().ip_address)"
    assert stack.manage("shell", "-v", "0", "-c", code).strip() == manager.own_address


def test_all_containers_but_the_one_shot_are_healthy_and_kept_no_key_of_their_own(stack: Stack) -> None:
    for containers in stack.containers.values():
        for container in containers:
            assert container.service == "migrate" or container.is_healthy()
            assert {path.name for path in container.data_folder.iterdir()} <= {"files"}


def test_a_file_that_one_web_process_takes_all_of_them_serve(stack: Stack, manager: Browser, pump: Device) -> None:
    content = bytes(range(256)) * 12_000  # 3 MB: more than nginx takes elsewhere
    path = f"/api/v1/rooms/{_room_of(manager, 'pump')}"
    headers = {"Origin": ORIGIN, "X-CSRFToken": manager.http.cookies["csrftoken"]}
    sent = manager.http.post(f"{path}/files", files={"file": ("log.bin", content)}, headers=headers)
    assert sent.status_code == 201, sent.text
    [said] = manager.http.get(f"{path}/messages?around_seq={sent.json()['seq']}&limit=1").json()["items"]
    file = f"{path}/files/{said['files'][0]['id']}/log.bin"
    assert manager.http.get(file).content == content
    cookies = "; ".join(f"{name}={value}" for name, value in manager.http.cookies.items())
    for web in stack.containers["web"]:
        served = httpx.get(f"http://{web.address}:8000{file}", headers={"Host": HOST, "Cookie": cookies})
        assert served.content == content
    assert not list((stack.volume("files") / "incoming").iterdir())


def _room_of(manager: Browser, uid: str) -> int:
    [id] = [one["id"] for one in manager.http.get("/api/v1/rooms").json()["items"] if one["device"] == uid]
    return int(id)


def test_the_address_of_a_webhook_stands_in_no_log(stack: Stack, manager: Browser, pump: Device) -> None:
    headers = {"Origin": ORIGIN, "X-CSRFToken": manager.http.cookies["csrftoken"]}
    path = f"/api/v1/rooms/{_room_of(manager, 'pump')}/webhooks"
    made = manager.http.post(path, json={"name": "ci"}, headers=headers)
    address = made.json()["url"]
    assert address.startswith(f"{ORIGIN}/api/v1/hooks/")
    secret = address.rpartition("/")[2]
    for path in (f"/api/v1/hooks/{secret}", f"/api/v1/%68ooks/{secret}", f"/api/v1//hooks/{secret}?x"):
        manager.http.post(path, json={"text": "the build is green"})
    stack["proxy"].wait_for("/api/v1/hooks/...")
    for container in stack.all:
        assert secret not in container.output, container.service


def test_the_proxy_does_not_log_it_with_an_error_either(stack: Stack, manager: Browser) -> None:
    lonely = stack.another("proxy", PROXY_SCHEME="http", PROXY_WEB="127.0.0.1:9")  # where nobody listens
    lonely.start()
    try:
        for path in ("hooks/the-secret", "rooms"):
            assert httpx.get(f"http://{lonely.address}:8080/api/v1/{path}").status_code == 502
        lonely.wait_for("Connection refused")  # of the other
    finally:
        assert lonely.stop() == 0
    assert "the-secret" not in lonely.output


def test_live_connections_are_shared_by_the_web_processes(stack: Stack, manager: Browser) -> None:
    with ExitStack() as open_ones:
        for _ in range(12):
            assert open_ones.enter_context(manager.live()).welcome["type"] == "welcome"
        assert all(_counts(each)["hubbub_connections"] > 0 for each in stack.containers["web"])


def test_without_tls_the_same_proxy_serves_over_http(stack: Stack, manager: Browser) -> None:
    plain = stack.another("proxy", PROXY_SCHEME="http")
    plain.start()
    try:
        answer = httpx.get(f"http://{plain.address}:8080/login/", headers={"Host": HOST})
        assert answer.status_code == 200
        assert "csrftoken" in answer.cookies
    finally:
        assert plain.stop() == 0
