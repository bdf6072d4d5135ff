from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from devices.models import ApiToken
from devices.runtime.credentials import secret_matches
from devices.spaces import tokens
from devices.spaces.tokens import owner


def test_a_token_belongs_to_its_person_and_is_stored_as_a_hash(bob: User, alice: User) -> None:
    bobs, alices = tokens.create(bob), tokens.create(alice)
    assert (owner(bobs), owner(alices)) == (bob, alice)
    assert not [row for row in ApiToken.objects.values() if bobs in str(row) or alices in str(row)]


def test_the_token_of_a_deactivated_person_has_no_owner(bob: User) -> None:
    token = tokens.create(bob)
    bob.is_active = False
    bob.save()
    assert owner(token) is None


@pytest.mark.parametrize("token", ["", "hubbub_", "\0", "\ud800", "x" * 10_000])
def test_any_other_text_has_no_owner(bob: User, token: str) -> None:
    tokens.create(bob)
    assert owner(token) is None


def test_a_stored_hash_does_not_work_as_a_token(bob: User) -> None:
    tokens.create(bob)
    assert owner(ApiToken.objects.get().hash) is None


def test_a_login_has_the_newest_token_that_a_broker_can_check(bob: User, carol: User, mallory: User) -> None:
    ApiToken.objects.create(user=bob, hash="older")
    tokens.create(bob)
    newest = tokens.create(bob)
    ApiToken.objects.create(user=carol, hash="of an earlier version")
    tokens.create(mallory)
    mallory.is_active = False
    mallory.save()
    logins = {login.username: login for login in tokens.logins()}
    assert logins.keys() == {"bob", "carol"}
    assert secret_matches(newest, logins["bob"].hashed)
    assert logins["bob"].hashed not in repr(logins)
    assert logins["carol"].hashed == ""
