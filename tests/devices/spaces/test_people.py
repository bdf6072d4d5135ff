from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from devices.errors import Invalid
from devices.spaces.people import create_person, get_or_create_person


@pytest.mark.django_db
def test_a_person_without_a_password_cannot_sign_in() -> None:
    assert not create_person("anna", None).has_usable_password()


def test_a_taken_username_is_refused_without_breaking_the_transaction(bob: User) -> None:
    with pytest.raises(Invalid, match="taken"):
        create_person("bob", None)
    assert list(User.objects.values_list("username", flat=True)) == ["bob"]


@pytest.mark.django_db
@pytest.mark.parametrize("username", ["", "two words", "a\0b", "a\u202eb", "x" * 151])
def test_an_invalid_username_is_refused(username: str) -> None:
    with pytest.raises(Invalid, match="not a valid username"):
        create_person(username, None)
    assert not User.objects.exists()


def test_an_existing_person_is_returned_with_their_password(bob: User) -> None:
    assert get_or_create_person("bob", "another") == bob
    assert get_or_create_person("bob", "another").check_password("bob's password")
    assert get_or_create_person("anna", "secret").check_password("secret")
