"""People who ask too much of the web side of the hub, on real servers."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client
from websockets.asyncio.client import connect

from devices.runtime.request_rates import BURST
from devices.spaces import tokens
from tests.support.web_server import WebServer, WebServers, web_servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[WebServers]:
    folder = tmp_path_factory.mktemp("web")
    with web_servers(folder, TRUSTED_PROXIES="127.0.0.1", REQUEST_RATE_LIMIT="1") as found:
        yield found


@pytest.fixture(params=["daphne", "uvicorn"])
def web(request: pytest.FixtureRequest, transactional_db: None, servers: WebServers) -> WebServer:
    return servers(request.param)


async def subscribe(web: WebServer, token: str, times: int) -> Counter[str]:
    """The codes of the errors that a live connection gets for so many subscriptions, all sent at once."""
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(web.live_url, additional_headers=headers, max_queue=None) as live:
        for number in range(times):
            await live.send(json.dumps({"id": number, "type": "subscribe", "stream": "none"}))
        codes: Counter[str] = Counter()
        while codes.total() < times:
            frame = json.loads(await live.recv())
            if "reply" in frame:
                codes[frame["error"]["code"]] += 1
        return codes


def login_cookie(user: User) -> str:
    browser = Client()
    browser.force_login(user)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())


async def test_one_person_s_requests_leave_those_of_others_alone(web: WebServer, alice: User, bob: User) -> None:
    token, other = await sync_to_async(tokens.create)(alice), await sync_to_async(tokens.create)(bob)
    half = BURST // 2 + 20
    found = await asyncio.gather(*[subscribe(web, token, half) for _ in range(2)])
    codes = found[0] + found[1]
    assert codes["too_many"] > 0
    assert BURST <= codes["unknown_stream"] < 2 * half
    async with httpx.AsyncClient(base_url=web.url) as client:
        for sent, status in ((token, 429), (other, 200)):
            headers = {"Authorization": f"Bearer {sent}"}
            answer = await client.get("/api/v1/devices", headers=headers)
            assert answer.status_code == status, answer.text
        for person, status in ((alice, 429), (bob, 200)):
            cookie = {"Cookie": await sync_to_async(login_cookie)(person)}
            assert (await client.get("/", headers=cookie)).status_code == status
            assert (await client.get("/static/dashboards/js/pages/fleet.js", headers=cookie)).status_code == 200
        counters = (await client.get("/metrics", headers=headers)).text
    for kind in ("live", "api", "page"):
        assert re.search(rf'hubbub_requests_refused_total{{kind="{kind}"}} [1-9]', counters)


async def test_an_account_slows_down_behind_a_proxy_on_every_server(web: WebServer, alice: User) -> None:
    statuses = []
    for host in range(12):
        async with httpx.AsyncClient(base_url=web.url, headers={"X-Forwarded-For": f"198.51.100.{host}"}) as browser:
            await browser.get("/login/")
            form = {"username": "alice", "password": "wrong", "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            statuses.append((await browser.post("/login/", data=form)).status_code)
    assert statuses == [200] * 10 + [429] * 2
