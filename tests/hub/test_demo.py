"""The demo space over several starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from bridges.simulator.credentials import read
from bridges.simulator.fleet import DEMO_FLEET
from devices.errors import Invalid
from devices.models import Device, Member, Space
from devices.registry.accounts import authenticate
from hub import demo

pytestmark = pytest.mark.django_db


def can_sign_in(folder: Path) -> bool:
    """Whether every device of the demo fleet can sign in with its secret in the simulator's file."""
    fleet = read(demo.simulator_credentials(folder))
    assert [entry.uid for entry in fleet] == [device.uid for device in DEMO_FLEET]
    return all(authenticate(entry.uid, entry.secret) for entry in fleet)


def test_only_the_first_start_shows_the_password_and_a_secret(tmp_path: Path) -> None:
    first, second = (demo.prepare(tmp_path, None, simulated=False) for _ in range(2))
    assert first.password
    assert authenticate(demo.FIRST_DEVICE, first.secret or "")
    assert (second.password, second.secret) == (None, None)
    assert first.secret_file.read_text() == first.secret
    assert first.password_file.read_text() == f"{first.password}\n"
    for file in (first.secret_file, first.password_file):
        assert file.stat().st_mode & 0o077 == 0


def test_the_file_of_a_generated_password_goes_when_another_one_is_set(tmp_path: Path) -> None:
    generated = demo.prepare(tmp_path, None, simulated=False)
    demo.prepare(tmp_path, "of the setting", simulated=False)
    assert not generated.password_file.exists()


@pytest.mark.parametrize("password", ["short", "password", "12345678", "alice123", "qwertyuiop"])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(Invalid):
        demo.check_password_strength(password)
    demo.check_password_strength("correct horse battery")


def test_active_users_of_an_earlier_start_are_named(tmp_path: Path) -> None:
    User.objects.create_user("dora")
    assert demo.remaining_users() == []
    demo.prepare(tmp_path, None, simulated=False)
    User.objects.filter(username="bob").update(is_active=False)
    assert demo.remaining_users() == ["alice", "carol", "mallory"]


def test_a_configured_password_applies_to_all_and_signs_nobody_out_at_later_starts(tmp_path: Path) -> None:
    people = get_user_model().objects.filter(username__in=demo.PEOPLE)
    demo.prepare(tmp_path, None, simulated=False)
    demo.prepare(tmp_path, "set", simulated=False)
    kept = {user.username: user.password for user in people}
    assert kept.keys() == demo.PEOPLE.keys()
    assert all(user.check_password("set") for user in people)
    alice = people.get(username="alice")
    alice.set_password("changed")
    alice.save()
    demo.prepare(tmp_path, "set", simulated=False)
    assert people.get(username="alice").check_password("set")
    assert {user.password for user in people.exclude(username="alice")} == {kept["bob"]}


def test_the_simulated_devices_keep_their_secrets(tmp_path: Path) -> None:
    demo.prepare(tmp_path, None, simulated=True)
    assert can_sign_in(tmp_path)
    before = demo.simulator_credentials(tmp_path).read_text()
    demo.prepare(tmp_path, None, simulated=True)
    assert demo.simulator_credentials(tmp_path).read_text() == before


def test_the_setting_changes_the_password_of_the_demo_users(tmp_path: Path) -> None:
    for password in ("first of all", "second to none"):
        demo.prepare(tmp_path, password, simulated=False)
        assert all(user.check_password(password) for user in User.objects.filter(username__in=demo.PEOPLE))
    assert User.objects.count() == len(demo.PEOPLE)


@pytest.mark.parametrize("after_the_first_start", [False, True])
def test_another_person_with_the_name_of_a_demo_user_is_left_alone(tmp_path: Path, after_the_first_start: bool) -> None:
    if after_the_first_start:
        demo.prepare(tmp_path, "of the demo", simulated=False)
        User.objects.get(username="alice").delete()
    alice = User.objects.create_user("alice", password="my own")
    demo.prepare(tmp_path, "of the demo", simulated=False)
    alice.refresh_from_db()
    assert alice.check_password("my own")
    assert not Member.objects.filter(user=alice).exists()
    assert User.objects.get(username="bob").check_password("of the demo")


def test_a_lost_file_gets_new_secrets(tmp_path: Path) -> None:
    demo.prepare(tmp_path, None, simulated=True)
    demo.simulator_credentials(tmp_path).unlink()
    demo.prepare(tmp_path, None, simulated=True)
    assert can_sign_in(tmp_path)


def test_another_database_with_the_same_folder_gets_its_devices(tmp_path: Path) -> None:
    demo.prepare(tmp_path, None, simulated=True)
    Device.objects.all().delete()
    Space.objects.all().delete()
    demo.prepare(tmp_path, None, simulated=True)
    assert can_sign_in(tmp_path)
