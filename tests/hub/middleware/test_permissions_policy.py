from __future__ import annotations

import pytest
from django.test import Client

from hub.middleware.permissions_policy import NOBODY, OWN

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/login/", "/api/v1/devices", "/nowhere/", "/healthz"])
def test_every_response_limits_the_features_of_the_browser(path: str) -> None:
    policy = Client().get(path, headers={"host": "localhost"})["Permissions-Policy"]
    assert {part.strip() for part in policy.split(",")} == {
        *(f"{name}=(self)" for name in OWN),
        *(f"{name}=()" for name in NOBODY),
    }
