"""A dashboard is changed while somebody is looking at it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.paths.conftest import Visit
from tests.support.browser import WAIT_MS
from tests.support.deployment import Deployment

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)


def test_an_open_dashboard_shows_changed_tiles(visit: Visit, tmp_path: Path) -> None:
    with Deployment(tmp_path, machines=1) as deployment:
        [machine] = deployment.machines
        for web in (deployment.daphne, deployment.uvicorn):
            deployment.arrange(machine.dashboard, "chart", "value")
            alice = visit(web, "alice", f"/dashboards/{machine.dashboard}/")
            tiles = alice.page.locator("[data-widget]")
            expect(tiles).to_have_count(2)
            deployment.arrange(machine.dashboard, "value")
            expect(tiles).to_have_count(1)
