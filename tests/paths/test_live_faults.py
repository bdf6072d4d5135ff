"""Redis, a web server or the bridge fails while pages are open: afterwards each chart shows what is stored."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from tests.paths.conftest import Visit
from tests.support.browser import WAIT_MS, Person
from tests.support.deployment import Counter, Deployment, line, watch_lines
from tests.support.eventually import eventually
from tests.support.viewer import Watcher

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)

RESYNC_S = 5
"""It takes two on an idle machine; this one is busy."""
SCENES = 8
"""The devices: each test has its own, so that its charts show only what it has sent."""
RECONNECT_S = 15
"""Once its server is back, a page reconnects within eight seconds on an idle machine; this one is busy."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("deployment"), machines=SCENES) as found:
        yield found


@dataclass
class Scene:
    """A device page on Daphne, a dashboard on uvicorn, and a device that counts."""

    deployment: Deployment
    counter: Counter
    device_page: Person
    dashboard: Person

    def check(self) -> None:
        """Stops the device; what it sent, what is stored and what the pages show must become the same."""
        self.counter.__exit__()
        eventually(lambda: len(self.deployment.stored_of(self.counter.uid)) >= self.counter.sent)
        expected = self.deployment.stored_of(self.counter.uid)
        for person in (self.device_page, self.dashboard):
            try:
                eventually(lambda page=person.page: line(page) == expected, 30)
            except AssertionError:
                missing = sorted(set(expected) - set(line(person.page)))
                description = f"{len(missing)} of {len(expected)} are missing: {missing[:10]}"
                raise AssertionError(f"{person.page.url}: {description}") from None
            expect(person.page.locator("[data-connection-bar]")).not_to_be_visible()
            assert "/login/" not in person.page.url
            assert person.complaints == []
        for value in (
            self.device_page.page.locator("[data-values] tr", has_text="Count").locator("[data-part=value]"),
            self.dashboard.page.locator("[data-part=cell] [data-part=value], [data-part=value][data-part=cell]").first,
        ):
            expect(value).to_have_attribute("title", str(self.counter.sent - 1))


@pytest.fixture
def scene(visit: Visit, deployment: Deployment) -> Iterator[Scene]:
    machine = deployment.machines.pop()
    with Counter(deployment.mosquitto.port, machine) as counter:
        counter.wait_for(5)
        people = []
        pages = (
            (deployment.daphne, f"/devices/{machine.uid}/"),
            (deployment.uvicorn, f"/dashboards/{machine.dashboard}/"),
        )
        for web, path in pages:
            person = visit(web, "alice", path)
            watch_lines(person.page)
            people.append(person)
        yield Scene(deployment, counter, *people)


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_charts_are_complete_after_redis_failed(scene: Scene, fault: str) -> None:
    deployment = scene.deployment
    stream = f"device:{scene.counter.uid}"
    with (
        Watcher(deployment.daphne.url, deployment.token, stream) as one,
        Watcher(deployment.uvicorn.url, deployment.token, stream) as other,
    ):
        scene.counter.wait_for(10)
        gone = time.monotonic()
        if fault == "killed":
            deployment.redis.kill()
            scene.counter.wait_for(10)
            deployment.redis.start()
        else:
            deployment.redis.freeze()
            scene.counter.wait_for(30)
            deployment.redis.thaw()
        back = time.monotonic()
        for name, watched in (("daphne", one), ("uvicorn", other)):
            after_s = watched.first("resync", gone) - back
            print(f"Redis {fault}: resync through {name} {after_s:.2f} s after it was back")
            assert after_s < RESYNC_S
        scene.counter.wait_for(20)
        scene.check()


def test_charts_are_complete_after_a_web_server_was_killed(scene: Scene) -> None:
    """Both Daphne and uvicorn, each with a page that is connected to it."""
    deployment = scene.deployment
    for web, person in ((deployment.daphne, scene.device_page), (deployment.uvicorn, scene.dashboard)):
        scene.counter.wait_for(10)
        web.kill()
        expect(person.page.locator("[data-connection-bar]")).to_be_visible()
        scene.counter.wait_for(10)
        web.start()
        began = time.monotonic()
        expect(person.page.locator("[data-connection-bar]")).not_to_be_visible()
        back_s = time.monotonic() - began
        print(f"{web.name} killed: the page is back {back_s:.1f} s after it")
        assert back_s < RECONNECT_S
    scene.counter.wait_for(10)
    scene.check()


@pytest.mark.parametrize("fault", ["killed", "stopped"])
def test_charts_are_complete_after_the_bridge_failed(scene: Scene, fault: str) -> None:
    scene.counter.wait_for(10)
    if fault == "killed":
        scene.deployment.bridge.kill()
    else:
        assert scene.deployment.bridge.stop() == 0
    scene.counter.wait_for(10)
    scene.deployment.bridge.start()
    scene.counter.wait_for(20)
    scene.check()
