"""Properties of every page."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.template import Context, Template, TemplateSyntaxError, loader
from django.test import Client, RequestFactory
from django.views.defaults import permission_denied, server_error

from devices.models import Device
from tests.dashboards.pages.conftest import ClientOf, store

PAGES = [
    "/",
    "/devices/pump-1/",
    "/add-device/",
    "/rooms/",
    "/rooms/{room}/",
    "/rooms/{room}/settings/",
    "/inbox/",
    "/login/",
    "/missing/",
]
"""`{room}` stands for the id of the pump's room."""

Open = Callable[[str], HttpResponse]


@pytest.fixture
def open_page(client_of: ClientOf, alice: User, pump: Device) -> Open:
    """Opens one of `PAGES` as alice, or as a visitor if it is the login."""
    store(pump, flow=12.5)

    def get(path: str) -> HttpResponse:
        client = Client() if path == "/login/" else client_of(alice)
        response = client.get(path.format(room=pump.room.pk))
        assert response.status_code == (404 if path == "/missing/" else 200)
        return response

    return get


@pytest.mark.parametrize("path", PAGES)
def test_pages_need_no_inline_script_or_style(open_page: Open, path: str) -> None:
    answer = open_page(path)
    page = answer.content.decode()
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|<style|\son\w+=", page)
    for attributes in re.findall(r"<script([^>]*)>", page):
        nonce = re.search(r'nonce="([^"]+)"', attributes)
        assert "src=" in attributes or "application/json" in attributes or (nonce and nonce[1] in policy)


@pytest.mark.parametrize("path", PAGES)
def test_pages_fetch_nothing_from_outside(open_page: Open, path: str) -> None:
    page = open_page(path).content.decode()
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def test_the_worker_of_notifications_is_served_from_the_root(client: Client) -> None:
    answer = client.get("/notification-worker.js")
    assert answer["Content-Type"] == "text/javascript"
    assert b"notificationclick" in answer.content


def test_every_linked_file_exists(open_page: Open) -> None:
    from django.contrib.staticfiles import finders

    pages = [open_page(path).content.decode() for path in PAGES]
    files = {name for page in pages for name in re.findall(r'"/static/([^"]+)"', page)}
    assert "vendor/uplot/dist/uPlot.esm.js" in files
    assert [name for name in files if not finders.find(name)] == []


def test_no_other_file_of_node_modules_can_be_found() -> None:
    from django.contrib.staticfiles import finders

    for name in ("vendor/uplot/package.json", "vendor/../package.json", "uplot/dist/uPlot.esm.js"):
        assert not finders.find(name)


def test_the_error_page_needs_neither_the_database_nor_a_login() -> None:
    answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert b"Something went wrong" in answer.content


def test_there_is_a_page_for_an_insufficient_role() -> None:
    answer = permission_denied(RequestFactory().get("/"), PermissionDenied())
    assert b"Your role doesn" in answer.content


def test_there_is_a_page_for_an_unreadable_request() -> None:
    assert "can’t read" in loader.get_template("400.html").render()


def test_an_icon_is_inlined_and_hidden_from_screen_readers() -> None:
    text = Template('{% load icons %}{% icon "moon" 20 %}').render(Context())
    assert text.startswith('<svg class="icon" width="20"')
    assert 'aria-hidden="true"' in text
    assert "<path" in text


@pytest.mark.parametrize("name", ["no-such-icon", "../../../package"])
def test_a_missing_icon_is_named(name: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="no icon"):
        Template("{% load icons %}{% icon name %}").render(Context({"name": name}))
