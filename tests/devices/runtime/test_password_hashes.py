from __future__ import annotations

import os
import sys

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, identify_hasher

from devices.runtime import password_hashes
from devices.runtime.password_hashes import NICE, BackgroundPBKDF2
from hub import settings as hub_settings


@pytest.fixture(autouse=True)
def hashers_of_the_hub(settings: object) -> None:
    settings.PASSWORD_HASHERS = hub_settings.PASSWORD_HASHERS  # type: ignore[attr-defined]


def test_passwords_stored_before_stay_valid() -> None:
    stored = PBKDF2PasswordHasher().encode("a secret", "salt")
    assert isinstance(identify_hasher(stored), BackgroundPBKDF2)
    assert check_password("a secret", stored)
    assert not check_password("another", stored)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_hashing_leaves_the_processors_to_everybody_else() -> None:
    asked = password_hashes._threads.submit(os.getpriority, os.PRIO_PROCESS, 0)
    assert asked.result() == NICE
    assert os.getpriority(os.PRIO_PROCESS, 0) == 0
