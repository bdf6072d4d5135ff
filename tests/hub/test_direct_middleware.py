from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest
from asgiref.sync import SyncToAsync

from hub import direct_middleware
from hub.asgi import application


async def get(path: str) -> int:
    transport = httpx.ASGITransport(application, client=("127.0.0.1", 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        return (await client.get(path)).status_code


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/healthz", "/api/v1/openapi.json", "/"])
async def test_the_middleware_runs_on_the_event_loop(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set[int]()

    def note(hook: Any) -> Any:
        def noted(*args: Any) -> Any:
            threads.add(threading.get_ident())
            return hook(*args)

        return noted

    for kind in direct_middleware.DIRECT:
        for name in ("process_request", "process_response"):
            if hasattr(kind, name):
                monkeypatch.setattr(kind, name, note(getattr(kind, name)))
    assert await get(path) in (200, 302)
    assert threads == {threading.get_ident()}


@pytest.mark.django_db(transaction=True)
async def test_a_request_changes_threads_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    hops, call = [], SyncToAsync.__call__

    async def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        hops.append(self.func)
        return await call(self, *args, **kwargs)

    await get("/healthz")
    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    assert await get("/healthz") == 200
    assert len(hops) <= 3, hops
