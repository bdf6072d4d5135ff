"""History and live tail, joined in a real browser while a device sends continuously."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from playwright.sync_api import Page

from tests.paths.conftest import Visit
from tests.support.hub import Credentials, RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PERIOD_S = 0.02
"""Time between the device's readings, long enough that no two share a millisecond."""

# Follows `counter` as a chart does, through a connection that is lost twice, until `last` has arrived.
FOLLOW = """async ({uid, windowMs, points, last}) => {
  const {connection, feed} = await import("/static/dashboards/js/pages/page_connection.js");
  const {LiveSeries} = await import("/static/dashboards/js/charts/live_series.js");
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const line = new LiveSeries(uid, "counter", {windowMs, points, changed() {}});
  let snapshots = 0;
  feed.watchDevice(uid, {
    snapshot: () => { snapshots++; line.reload(); },
    telemetry: (_, {counter}) => line.add(counter),
  });
  await pause(1500);
  for (let i = 0; i < 2; i++) {
    connection.stop();
    await pause(700);
    connection.start();
    await pause(1300);
  }
  while (line.series.latest?.[1] < last || !line.loaded) await pause(20);
  const {width, times, values, counts, highs} = line.series;
  return {snapshots, width, times, values, counts, highs};
}"""


class Counter:
    """A device that publishes 0, 1, 2, … up to `last`, each with its own time."""

    def __init__(self, hub: RunningHub, device: Credentials, last: int) -> None:
        self.device = device
        self.last = last
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=device.uid)
        self.client.username_pw_set(device.uid, device.secret)
        self.client.connect("127.0.0.1", hub.mqtt_port)
        self.client.loop_start()
        self.thread = threading.Thread(target=self._count)

    def _count(self) -> None:
        for number in range(self.last + 1):
            payload = {"ts": time.time_ns() // 1_000_000, "values": {"counter": number}}
            sent = self.client.publish(f"devices/{self.device.uid}/telemetry", json.dumps(payload), qos=1)
            time.sleep(PERIOD_S)
        sent.wait_for_publish(30)

    def __enter__(self) -> Counter:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join()
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def page(visit: Visit, hub: RunningHub) -> Page:
    return visit(hub, "alice").page


def follow(page: Page, hub: RunningHub, uid: str, last: int, points: int) -> dict[str, Any]:
    with Counter(hub, hub.create_device(uid), last):
        wanted = {"uid": uid, "windowMs": 600_000, "points": points, "last": last}
        result: dict[str, Any] = page.evaluate(FOLLOW, wanted)
        return result


def test_raw_points_have_neither_gaps_nor_duplicates_after_lost_connections(page: Page, hub: RunningHub) -> None:
    line = follow(page, hub, "counter-raw", last=400, points=2_000)
    assert line["snapshots"] >= 3  # more if a slow machine lost the connection another time
    assert line["width"] == 0
    assert line["values"] == list(range(401))
    assert line["times"] == sorted(set(line["times"]))


def test_buckets_have_every_peak_after_lost_connections(page: Page, hub: RunningHub) -> None:
    line = follow(page, hub, "counter-rolled", last=400, points=50)
    assert line["width"] > 0
    assert line["highs"] == sorted(line["highs"])
    assert line["highs"][-1] == 400
    assert sum(line["counts"]) == pytest.approx(401, abs=15)  # readings that arrive while history is read count once
