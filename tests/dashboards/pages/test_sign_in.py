from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.dashboards.pages.conftest import ClientOf

GOOD = {"username": "alice", "password": "alice's password"}


def test_a_visitor_is_redirected_to_the_form_and_back(client: Client, alice: User) -> None:
    answer = client.get("/devices/pump-1/")
    assert answer["Location"] == "/login/?next=/devices/pump-1/"
    answer = client.post("/login/", {**GOOD, "next": "/devices/pump-1/"})
    assert (answer.status_code, answer["Location"]) == (302, "/devices/pump-1/")


def test_it_never_redirects_away_from_the_hub(client: Client, alice: User) -> None:
    answer = client.post("/login/", {**GOOD, "next": "https://elsewhere.example/"})
    assert answer["Location"] == "/"


def test_a_wrong_password_does_not_reveal_whether_a_user_exists(client: Client, alice: User) -> None:
    known = client.post("/login/", {"username": "alice", "password": "wrong"})
    missing = client.post("/login/", {"username": "nobody", "password": "wrong"})
    assert b'role="alert"' in known.content
    assert b"don\xe2\x80\x99t match" in known.content
    assert b"don\xe2\x80\x99t match" in missing.content


def test_it_escapes_the_name_that_was_typed(client: Client, db: None) -> None:
    page = client.post("/login/", {"username": '"><script>alert(1)</script>', "password": "x"}).content
    assert b"<script>alert" not in page


def test_it_has_to_wait_after_ten_failures(client: Client, alice: User) -> None:
    for _ in range(10):
        assert client.post("/login/", {"username": "alice", "password": "wrong"}).status_code == 200
    answer = client.post("/login/", GOOD)
    assert answer.status_code == 429
    assert 20 < int(answer["Retry-After"]) <= 30
    assert b"Please wait" in answer.content
    assert "_auth_user_id" not in client.session


def test_sign_out_needs_a_post(client_of: ClientOf, alice: User) -> None:
    browser = client_of(alice)
    assert browser.get("/logout/").status_code == 405
    assert browser.get("/").status_code == 200
    assert browser.post("/logout/")["Location"] == "/login/"
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize("path", ["/login/", "/logout/", "/add-device/", "/devices/pump-1/secret/"])
def test_a_form_from_another_site_is_refused_with_a_page(path: str, alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    answer = browser.post(path, GOOD)
    assert answer.status_code == 403
    assert b"The form has expired" in answer.content
