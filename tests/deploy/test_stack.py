"""Whole ways through all parts of docker-compose.yml, run as processes."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import psutil
import pytest
from websockets.exceptions import InvalidStatus

from tests.deploy.client import HOST, ORIGIN, Browser, Device, secret_in
from tests.deploy.containers import Container, Stack

pytestmark = pytest.mark.timeout(300)


def test_login_cookies_are_sent_only_over_tls(stack: Stack, manager: Browser) -> None:
    cookies = [cookie for cookie in manager.http.cookies.jar if cookie.name in ("hubbub_session", "csrftoken")]
    assert len(cookies) == 2
    assert all(cookie.secure for cookie in cookies)


def test_http_is_redirected_to_https(stack: Stack) -> None:
    answer = httpx.get(f"http://{stack['proxy'].address}:8080/devices/x/?y=1", headers={"Host": HOST})
    assert answer.status_code == 308
    assert answer.headers["location"] == f"{ORIGIN}/devices/x/?y=1"


FOREIGN = ["https://evil.test", "http://localhost:8000", "http://127.0.0.1:8000"]
"""Next to an https address, a page from the visitor's own machine is as foreign as any other."""


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_form_from_another_origin_is_refused(manager: Browser, origin: str) -> None:
    token = manager.http.cookies["csrftoken"]
    answer = manager.http.post("/add-device/", data={"csrfmiddlewaretoken": token}, headers={"Origin": origin})
    assert answer.status_code == 403


def test_static_files_of_pages_are_served_compressed(manager: Browser) -> None:
    page = manager.http.get("/").text
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert any("vendor/" in file for file in files)
    for file in files:
        answer = manager.http.get(file)
        assert answer.status_code == 200, file
        if len(answer.content) > 1_000 and file.endswith((".css", ".js")):
            assert answer.headers["content-encoding"] == "gzip"


def test_a_new_device_is_shown_the_broker_s_address_and_can_connect(stack: Stack, manager: Browser) -> None:
    page = manager.add_device("fan")
    assert "-h mqtt.hub.test -p 1883" in page
    fan = Device(stack["mosquitto"].address, "fan", secret_in(page))
    fan.await_connection()  # refused until Mosquitto has read the file that `accounts` writes
    fan.stop()


def test_a_device_with_a_wrong_secret_is_refused(stack: Stack, pump: Device) -> None:
    intruder = Device(stack["mosquitto"].address, "pump", "wrong")
    assert not intruder.is_accepted()
    intruder.stop()


def test_a_device_over_websocket_does_not_get_at_the_session_of_another(
    stack: Stack, manager: Browser, pump: Device
) -> None:
    """Web processes reach the listener of the bridges too, which takes any client id."""
    page = manager.add_device("websocket")
    secret = secret_in(page)
    first = Device(stack["mosquitto"].address, "websocket", secret)
    first.await_connection()
    first.stop()
    before = pump.disconnections
    device = Device(stack["proxy"].address, "websocket", secret, client_id="pump", tls=manager.tls)
    device.await_connection()
    with manager.live() as live:
        live.request("subscribe", stream="device:websocket")
        device.publish(flow=3)
        assert live.values("websocket", "flow") == [3]
    pump.publish(still_there=1)  # its acknowledgement would come over a new connection
    assert pump.disconnections == before
    device.stop()


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


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_from_another_origin_gets_no_live_connection(manager: Browser, pump: Device, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"), manager.live(origin=origin):
        pass


def test_server_sent_events_are_not_buffered_by_the_proxy(manager: Browser, pump: Device) -> None:
    with manager.http.stream("GET", "/api/v1/stream?device=pump") as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        _until(lines, "snapshot")
        for value in (1, 2, 3):  # one at a time: the next is published once this one has been seen
            pump.publish(flow=value)
            event = _until(lines, "telemetry")
            assert [point[1] for point in event["devices"]["pump"]["flow"]] == [value]


def _until(lines: Iterator[str], type: str) -> dict:  # type: ignore[type-arg]
    for line in lines:
        if line.startswith("data: ") and (event := json.loads(line[6:]))["type"] == type:
            return event
    raise AssertionError(f"the stream ended before a {type}")


def test_the_metrics_of_web_processes_are_not_public(stack: Stack, manager: Browser) -> None:
    assert manager.http.get("/metrics").status_code == 401
    spoofed = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
    assert manager.http.get("/metrics", headers=spoofed).status_code == 401
    web = stack.containers["web"][0].address  # from the same machine, as through a proxy that sets no headers
    assert httpx.get(f"http://{web}:8000/metrics").status_code == 401


def test_every_part_counts_what_passes_through_it(stack: Stack, manager: Browser, pump: Device) -> None:
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


def test_the_hub_sees_the_client_s_address_behind_the_proxy(stack: Stack, manager: Browser) -> None:
    """Otherwise ten failed logins of one person would lock everybody out."""
    code = "from devices.models import KnownNetwork; print(KnownNetwork.objects.get().network)"
    assert stack.manage("shell", "-v", "0", "-c", code).strip() == manager.own_address


def test_every_lasting_container_is_healthy_and_stores_no_key_of_its_own(stack: Stack) -> None:
    for containers in stack.containers.values():
        for container in containers:
            assert container.service == "migrate" or container.is_healthy()
            assert {path.name for path in container.data_folder.iterdir()} <= {"files"}


def test_an_uploaded_file_is_served_by_every_web_process(stack: Stack, manager: Browser, pump: Device) -> None:
    content = bytes(range(256)) * 12_000  # 3 MB: more than nginx accepts on other paths
    path = f"/api/v1/rooms/{_room_of(manager, 'pump')}"
    headers = {"Origin": ORIGIN, "X-CSRFToken": manager.http.cookies["csrftoken"]}
    sent = manager.http.post(f"{path}/files", files={"file": ("log.bin", content)}, headers=headers)
    assert sent.status_code == 201, sent.text
    [message] = manager.http.get(f"{path}/messages?around_seq={sent.json()['seq']}&limit=1").json()["items"]
    file = f"{path}/files/{message['files'][0]['id']}/log.bin"
    assert manager.http.get(file).content == content
    cookies = "; ".join(f"{name}={value}" for name, value in manager.http.cookies.items())
    for web in stack.containers["web"]:
        headers = {"Host": HOST, "Cookie": cookies, "X-Forwarded-Proto": "https"}
        served = httpx.get(f"http://{web.address}:8000{file}", headers=headers)
        assert served.content == content
    assert not list((stack.volume("files") / "incoming").iterdir())


def _room_of(manager: Browser, uid: str) -> int:
    [id] = [one["id"] for one in manager.http.get("/api/v1/rooms").json()["items"] if one["device"] == uid]
    return int(id)


def test_the_address_of_a_webhook_appears_in_no_log(stack: Stack, manager: Browser, pump: Device) -> None:
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


def test_the_proxy_s_error_log_does_not_contain_the_webhook_address(stack: Stack, manager: Browser) -> None:
    lone_proxy = stack.another("proxy", PROXY_SCHEME="http", PROXY_WEB="127.0.0.1:9")  # where nothing listens
    lone_proxy.start()
    try:
        for path in ("hooks/the-secret", "rooms"):
            assert httpx.get(f"http://{lone_proxy.address}:8080/api/v1/{path}").status_code == 502
        lone_proxy.wait_for("Connection refused")  # of the second request
    finally:
        assert lone_proxy.stop() == 0
    assert "the-secret" not in lone_proxy.output


def test_live_connections_are_spread_over_the_web_processes(stack: Stack, manager: Browser) -> None:
    with ExitStack() as open_ones:
        for _ in range(12):
            assert open_ones.enter_context(manager.live()).welcome["type"] == "welcome"
        assert all(_counts(each)["hubbub_connections"] > 0 for each in stack.containers["web"])


@pytest.mark.parametrize(("outer", "status"), [("https", 200), ("http", 301)])
def test_behind_another_proxy_that_ends_tls_this_one_serves_over_http(
    stack: Stack, manager: Browser, outer: str, status: int
) -> None:
    plain = stack.another("proxy", PROXY_SCHEME="http", PROXY_OUTER_SCHEME=outer)
    plain.start()
    try:
        answer = httpx.get(f"http://{plain.address}:8080/login/", headers={"Host": HOST, "X-Forwarded-Proto": "https"})
        assert answer.status_code == status
        assert ("csrftoken" in answer.cookies) is (status == 200)
    finally:
        assert plain.stop() == 0


def test_pages_tell_browsers_to_stay_with_tls_and_to_keep_features_to_themselves(manager: Browser) -> None:
    headers = manager.http.get("/login/").headers
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert "microphone=(self)" in headers["permissions-policy"]
    assert "camera=()" in headers["permissions-policy"]


def test_no_secret_is_on_a_command_line(stack: Stack) -> None:
    secrets = [path.read_text() for path in (stack.folder / "secrets").iterdir()]
    for container in stack.all:
        if container.process is not None:
            first = psutil.Process(container.process.pid)
            lines = [" ".join(each.cmdline()) for each in (first, *first.children(recursive=True))]
            assert not [secret for secret in secrets if any(secret in line for line in lines)], container.service


def test_redis_refuses_a_client_without_the_password(stack: Stack) -> None:
    with socket.create_connection((stack["redis"].address, 6379), timeout=10) as client:
        client.sendall(b"PING\r\n")
        assert client.recv(100).startswith(b"-NOAUTH")
