"""Pages of decoders: who sees, makes and deletes them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from devices.models import Decoder, Device, Space, StoredRefusal
from devices.registry import decoders
from tests.dashboards.pages.conftest import ClientOf

pytestmark = pytest.mark.django_db

LIST = "/spaces/garden/decoders/"


@pytest.fixture
def decoder(space: Space) -> Decoder:
    return decoders.create(space, "Soil sensor", "function Decoder(b) { return {a: b[0]} }", profile="LSE01")


def test_a_manager_makes_a_decoder(client_of: ClientOf, alice: User, space: Space) -> None:
    answer = client_of(alice).post(LIST + "new/", {"name": "Soil sensor"})
    made = Decoder.objects.get()
    assert answer["Location"] == f"/decoders/{made.pk}/"
    page = client_of(alice).get(answer["Location"]).content.decode()
    assert "decodeUplink" in page
    assert "Test vectors" in page


def test_a_name_that_is_not_valid_is_shown_with_the_reason(client_of: ClientOf, alice: User, space: Space) -> None:
    answer = client_of(alice).post(LIST + "new/", {"name": " "})
    assert answer.status_code == 422
    assert "Name: up to 120 printable characters." in answer.content.decode()


def test_members_read_and_do_not_change(client_of: ClientOf, bob: User, carol: User, decoder: Decoder) -> None:
    for person in (bob, carol):
        client = client_of(person)
        assert "Soil sensor" in client.get(LIST).content.decode()
        page = client.get(f"/decoders/{decoder.pk}/").content.decode()
        assert "readonly" in page
        assert "Try it" not in page
        assert client.post(LIST + "new/", {"name": "X"}).status_code == 403
        assert client.post(f"/decoders/{decoder.pk}/delete/").status_code == 403


def test_strangers_see_nothing(client_of: ClientOf, mallory: User, decoder: Decoder) -> None:
    client = client_of(mallory)
    for path in (LIST, f"/decoders/{decoder.pk}/"):
        assert client.get(path).status_code == 404
    assert client.post(f"/decoders/{decoder.pk}/delete/").status_code == 404


def test_it_shows_its_devices_and_what_went_wrong_last(
    client_of: ClientOf, carol: User, pump: Device, decoder: Decoder
) -> None:
    decoders.assign(pump, decoder.pk)
    for at, detail in ((1, "line 9: first"), (2, "line 3: last")):
        StoredRefusal.objects.create(
            device=pump, reason="decoder_failed", kind="telemetry", detail=detail, size=1, count=1, first_at=at, at=at
        )
    page = client_of(carol).get(f"/decoders/{decoder.pk}/").content.decode()
    assert pump.name in page
    assert "line 3: last" in page
    assert "line 9" not in page


def test_a_manager_deletes_it(client_of: ClientOf, alice: User, pump: Device, decoder: Decoder) -> None:
    decoders.assign(pump, decoder.pk)
    assert client_of(alice).post(f"/decoders/{decoder.pk}/delete/")["Location"] == LIST
    pump.refresh_from_db()
    assert pump.decoder_id is None
