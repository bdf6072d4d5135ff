from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from devices.models import ApiToken
from devices.spaces.tokens import owner


def test_it_prints_a_token_of_the_person_and_nothing_else(bob: User) -> None:
    output = StringIO()
    call_command("createtoken", "bob", stdout=output)
    [token] = output.getvalue().splitlines()
    assert owner(token) == bob


def test_an_unknown_person_is_named(bob: User) -> None:
    with pytest.raises(CommandError, match="dave"):
        call_command("createtoken", "dave")
    assert not ApiToken.objects.exists()
