from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from devices.models import BridgeSecret
from devices.registry import bridge_secrets
from devices.registry.bridge_secrets import MAX_RETIRED

pytestmark = pytest.mark.django_db


def test_each_broker_has_a_secret_of_128_bits_that_stays() -> None:
    main, roof = bridge_secrets.of("main"), bridge_secrets.of("roof")
    assert len(bytes.fromhex(main.current)) == 16
    assert main.current != roof.current
    assert bridge_secrets.of("main") == main
    assert main.retired == ()
    assert main.current not in repr(main)


def test_a_bridge_that_starts_at_the_same_time_finds_the_same_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    first, existing = bridge_secrets.of("main"), bridge_secrets._existing
    looks = iter([None, first])  # it looked before the other one had created it, and again afterwards
    monkeypatch.setattr(bridge_secrets, "_existing", lambda broker: next(looks))
    assert bridge_secrets.of("main") == first
    assert existing("main") == first


def test_a_renewed_secret_is_remembered_until_there_are_too_many() -> None:
    secrets = [bridge_secrets.of("main").current]
    for _ in range(MAX_RETIRED + 2):
        bridge_secrets.renew("main")
        secrets.append(bridge_secrets.of("main").current)
    assert len(set(secrets)) == MAX_RETIRED + 3
    assert bridge_secrets.of("main").retired == tuple(secrets[-2 : -2 - MAX_RETIRED : -1])
    assert BridgeSecret.objects.count() == MAX_RETIRED + 1


def test_the_command_renews_the_secret_and_does_not_print_it() -> None:
    before, output = bridge_secrets.of("main"), StringIO()
    call_command("renewbridgesecret", stdout=output)
    after = bridge_secrets.of("main")
    assert after.retired == (before.current,)
    assert output.getvalue() == "renewed the secret of the bridges of broker main: restart them\n"


def test_the_command_names_a_broker_that_does_not_exist() -> None:
    with pytest.raises(CommandError, match="roof"):
        call_command("renewbridgesecret", "--broker", "roof")
