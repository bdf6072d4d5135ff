"""Admission to a live connection, and how it is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import OperationalError

from dashboards.live.relay import Relay
from dashboards.models import Dashboard
from devices.channel import groups
from devices.models import ApiToken, Device
from devices.spaces import tokens
from hub.asgi import application
from tests.dashboards.live.conftest import WAIT_S, Headers, Viewer, bearer, cookie, enter, sign_in
from tests.dashboards.live.consumers.test_event_stream import Reading

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]


async def turned_away(headers: Headers) -> tuple[str, int]:
    """Returns the error and the close code of a refused viewer."""
    viewer = Viewer(headers)
    assert await viewer.open()
    frame = await viewer.frame()
    assert frame["type"] == "error"
    return frame["error"]["code"], await viewer.closed()


class Way:
    """A way in, and how it refuses."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def refusal(self, headers: Headers) -> tuple[str, int]:
        """Returns the code of the error, and the close code or HTTP status; `("", 403)` where there is no error."""
        return await (self._over_http(headers) if self.name == "events" else self._over_websocket(headers))

    async def _over_http(self, headers: Headers) -> tuple[str, int]:
        stream = Reading("device=pump-1", headers)
        status = await stream.open()
        return (await stream.body())["error"]["code"], status

    async def _over_websocket(self, headers: Headers) -> tuple[str, int]:
        path = {"hub": "/ws/", "chat": "/ws/chat/pump-1/"}[self.name]
        socket = WebsocketCommunicator(application, path, headers=headers)
        accepted, _ = await socket.connect(WAIT_S)
        if not accepted:
            return "", 403
        code = (await socket.receive_json_from(WAIT_S))["error"]["code"]
        return code, (await socket.receive_output(WAIT_S))["code"]


@pytest.fixture(params=["hub", "chat", "events"])
def way(request: pytest.FixtureRequest, pump: Device) -> Way:
    return Way(request.param)


def expected(way: Way, code: str, close_code: int, status: int) -> tuple[str, int]:
    return code, status if way.name == "events" else close_code


async def test_every_way_in_refuses_a_client_that_is_not_signed_in(way: Way) -> None:
    for headers in (cookie("none"), bearer("wrong")):
        assert await way.refusal(headers) == expected(way, "unauthenticated", 4401, 401)


async def test_every_way_in_refuses_a_cookie_from_a_foreign_page(way: Way, alice: User) -> None:
    key = await sync_to_async(sign_in)(alice)
    refusal = await way.refusal(cookie(key, "https://evil.example"))
    assert refusal == (("forbidden", 403) if way.name == "events" else ("", 403))


async def test_every_way_in_counts_the_connections_of_a_person_together(
    way: Way, headers: dict[str, Headers], settings: Any
) -> None:
    settings.CONNECTION_LIMIT = 1
    viewer = await enter(headers["alice"])
    assert await way.refusal(headers["alice"]) == expected(way, "too_many", 4429, 429)
    await viewer.leave()


async def test_every_way_in_is_closed_while_the_hub_restarts(
    way: Way, headers: dict[str, Headers], relay: Relay
) -> None:
    await relay.close_all()
    assert await way.refusal(headers["alice"]) == expected(way, "unavailable", 1012, 503)


async def test_every_way_in_asks_to_come_back_while_the_database_is_unavailable(
    way: Way, headers: dict[str, Headers], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("no database")

    monkeypatch.setattr("dashboards.live.logins.person", fail)
    assert await way.refusal(headers["alice"]) == expected(way, "unavailable", 1012, 503)


async def test_a_token_opens_it_and_welcome_comes_first(headers: dict[str, Headers]) -> None:
    viewer = Viewer(headers["bob"])
    assert await viewer.open()
    welcome = await viewer.frame()
    assert list(welcome) == ["type", "user", "time", "limits"]
    assert (welcome["type"], welcome["user"]) == ("welcome", "bob")
    assert welcome["limits"]["frame_bytes"] == 65_536
    assert welcome["limits"]["window_frames"] == 32
    await viewer.leave()


async def test_a_login_cookie_from_an_own_page_opens_it(alice: User) -> None:
    key = await sync_to_async(sign_in)(alice)
    viewer = Viewer(cookie(key))
    assert await viewer.open()
    assert (await viewer.frame())["user"] == "alice"
    await viewer.leave()


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://localhost:1", "http://localhost:8000.evil.example"]
)
async def test_a_login_cookie_from_another_page_is_refused_before_it_is_accepted(alice: User, origin: str) -> None:
    key = await sync_to_async(sign_in)(alice)
    headers = [cookie(key)[0], (b"origin", origin.encode())]
    assert not await Viewer(headers).open()


async def test_a_login_cookie_without_an_origin_is_refused(alice: User) -> None:
    key = await sync_to_async(sign_in)(alice)
    assert not await Viewer(cookie(key)[:1]).open()


async def test_a_foreign_page_learns_nothing_without_a_cookie_either() -> None:
    assert not await Viewer([(b"origin", b"https://evil.example")]).open()


async def test_a_client_without_a_login_gets_an_error_and_is_closed_with_4401() -> None:
    assert await turned_away(cookie("")[1:]) == ("unauthenticated", 4401)


@pytest.mark.parametrize("key", ["", "never-was-a-session-key", "x" * 5_000, "a\x00b", "../../etc/passwd"])
async def test_an_invalid_session_is_closed_with_4401(key: str) -> None:
    assert await turned_away(cookie(key)) == ("unauthenticated", 4401)


async def test_an_expired_session_is_closed_4401(alice: User) -> None:
    key = await sync_to_async(sign_in)(alice)
    await Session.objects.aupdate(expire_date="2020-01-01T00:00:00Z")
    assert await turned_away(cookie(key)) == ("unauthenticated", 4401)


async def test_a_session_from_before_a_password_change_is_closed_4401(alice: User) -> None:
    key = await sync_to_async(sign_in)(alice)
    alice.set_password("another")
    await alice.asave()
    assert await turned_away(cookie(key)) == ("unauthenticated", 4401)


async def test_an_inactive_person_is_closed_4401(alice: User, headers: dict[str, Headers]) -> None:
    key = await sync_to_async(sign_in)(alice)
    await User.objects.aupdate(is_active=False)
    assert await turned_away(cookie(key)) == ("unauthenticated", 4401)
    assert await turned_away(headers["alice"]) == ("unauthenticated", 4401)


@pytest.mark.parametrize("value", [b"Bearer", b"Bearer ", b"Bearer wrong", b"bearer \xff\xfe", b"Bearer a b"])
async def test_a_wrong_token_is_closed_4401_whatever_the_cookie_says(alice: User, value: bytes) -> None:
    key = await sync_to_async(sign_in)(alice)
    assert await turned_away([(b"authorization", value), *cookie(key)]) == ("unauthenticated", 4401)


async def test_with_a_token_only_the_token_counts(alice: User, bob: User) -> None:
    key = await sync_to_async(sign_in)(alice)
    token = await sync_to_async(tokens.create)(bob)
    viewer = Viewer([*cookie(key, "https://evil.example"), *bearer(token)])
    assert await viewer.open()
    assert (await viewer.frame())["user"] == "bob"
    await viewer.leave()


async def test_other_credentials_do_not_count_as_a_token(alice: User) -> None:
    assert not await Viewer([(b"authorization", b"Basic YWxpY2U6cHc=")]).open()


async def test_connections_of_one_person_are_limited(headers: dict[str, Headers], settings: Any) -> None:
    settings.CONNECTION_LIMIT = 2
    first, second = await enter(headers["alice"]), await enter(headers["alice"])
    assert await turned_away(headers["alice"]) == ("too_many", 4429)
    other = await enter(headers["bob"])
    await first.leave()
    third = await enter(headers["alice"])
    for viewer in (second, other, third):
        await viewer.leave()


async def test_a_limit_of_0_means_no_limit(headers: dict[str, Headers], settings: Any) -> None:
    settings.CONNECTION_LIMIT = 0
    viewers = [await enter(headers["alice"]) for _ in range(3)]
    for viewer in viewers:
        await viewer.leave()


async def test_another_path_is_refused(headers: dict[str, Headers]) -> None:
    for path in ("/", "/ws", "/ws/pump/", "/ws//", "/other/"):
        accepted, _ = await WebsocketCommunicator(application, path, headers=headers["alice"]).connect(WAIT_S)
        assert not accepted, path


async def test_a_hub_that_ends_closes_all_with_1012_and_admits_no_more(
    headers: dict[str, Headers], relay: Relay
) -> None:
    viewers = [await enter(headers[name]) for name in ("alice", "bob", "carol")]
    closing = asyncio.create_task(relay.close_all())
    assert [await viewer.closed() for viewer in viewers] == [1012] * 3
    await asyncio.wait_for(closing, WAIT_S)
    assert not relay.connections
    assert await turned_away(headers["alice"]) == ("unavailable", 1012)


async def test_a_token_never_shows_in_the_log(
    headers: dict[str, Headers], relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    viewer = await enter(headers["alice"])
    (connection,) = relay.connections
    token = headers["alice"][0][1].decode().removeprefix("Bearer ")
    assert token not in repr(connection.login)
    await relay.close_all()
    await viewer.closed()
    assert token not in caplog.text


async def test_nothing_is_left_of_a_viewer_that_leaves(
    headers: dict[str, Headers], relay: Relay, pump: Device, dashboard: Dashboard
) -> None:
    viewer = await enter(headers["alice"])
    await viewer.subscribe("device:pump-1")
    await viewer.subscribe(f"dashboard:{dashboard.pk}")
    await viewer.leave()
    await relay._groups.settled()
    assert not relay.connections
    assert not relay._groups.wanted
    assert relay._listener._wanted == {groups.RIGHTS}
    assert not relay._audiences._by_device
    assert not relay._audiences._of_connection
    assert not relay._people
    assert await ApiToken.objects.acount() == 4
