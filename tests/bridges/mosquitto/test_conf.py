"""The texts of Mosquitto's configuration, password file and ACL, and how the files are written."""

from __future__ import annotations

import grp
import logging
import os
import stat
from pathlib import Path

import pytest

from bridges.mosquitto import accounts, files
from bridges.mosquitto.accounts import AccountError, BridgeAccount
from bridges.mosquitto.conf import ListenAddress, Listeners, MosquittoPaths, SavePolicy, render
from devices.runtime.credentials import secret_matches

BRIDGE = BridgeAccount("bridge", "$7$101$c2FsdA==$aGFzaA==")


def test_the_configuration_names_its_own_files_and_requires_a_password() -> None:
    listeners = Listeners(ListenAddress("10.0.0.7", 1884))
    lines = render(MosquittoPaths(Path("/etc/hub"), Path("/var/hub")), listeners).splitlines()
    for line in (
        "listener 1884 10.0.0.7",
        "allow_anonymous false",
        "password_file /etc/hub/passwords",
        "acl_file /etc/hub/acl",
        "persistence true",
        "persistence_location /var/hub/",
        "pid_file /var/hub/mosquitto.pid",
    ):
        assert line in lines
    assert lines[-1] == "include_dir /etc/hub/conf.d"


def test_the_save_policy_can_be_chosen() -> None:
    paths, listeners = MosquittoPaths(Path("/etc/hub"), Path("/var/hub")), Listeners(ListenAddress("::1", 1883))
    assert "autosave_on_changes true\nautosave_interval 1\n" in render(paths, listeners)
    assert "autosave_on_changes false\nautosave_interval 1\n" in render(paths, listeners, SavePolicy.SECONDS)


def test_only_the_listener_of_devices_knows_clients_by_their_user_name() -> None:
    devices, bridges = ListenAddress("0.0.0.0", 1883), ListenAddress("127.0.0.1", 1884)
    option = "use_username_as_clientid true"
    assert str(Listeners(devices)).splitlines()[-2:] == ["listener 1883 0.0.0.0", option]
    *above, _, _, listener, last = str(Listeners(devices, bridges)).splitlines()
    assert "listener 1884 127.0.0.1" in above
    assert option not in above
    assert (listener, last) == ("listener 1883 0.0.0.0", option)
    assert option not in str(Listeners(devices, is_shared=True))


def test_the_password_file_holds_the_hashes_as_they_are_stored() -> None:
    assert accounts.password_file(BRIDGE, {"b": "$7$2", "a": "$7$1"}) == f"bridge:{BRIDGE.hashed}\na:$7$1\nb:$7$2\n"


def test_a_device_of_the_bridge_s_name_gets_no_account(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "hubbub.mosquitto"):
        assert accounts.password_file(BRIDGE, {"bridge": "$7$1"}) == f"bridge:{BRIDGE.hashed}\n"
    assert "bridge" in caplog.text
    assert "$7$" not in caplog.text


@pytest.mark.parametrize("uid", ["+", "#", "a/b", "a:b", "a\nb", "", "$bridge"])
def test_a_name_that_is_not_a_uid_never_reaches_the_password_file(uid: str) -> None:
    assert accounts.password_file(BRIDGE, {uid: "$7$1"}) == f"bridge:{BRIDGE.hashed}\n"


@pytest.mark.parametrize("username", ["", " ", "a:b", "a\nuser b", " a", "a\0"])
def test_a_bridge_name_that_the_files_cannot_hold_is_refused(username: str) -> None:
    with pytest.raises(AccountError):
        BridgeAccount.make(username, "password")


def test_the_bridge_s_password_is_hashed_and_never_shown() -> None:
    made = BridgeAccount.make("bridge", "open sesame")
    assert secret_matches("open sesame", made.hashed)
    assert made.hashed not in repr(made)
    with pytest.raises(AccountError):
        BridgeAccount.make("bridge", "")


def test_a_file_is_replaced_atomically_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    files.write(path, "old")
    with path.open() as reader:  # as Mosquitto, in the middle of reading
        files.write(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["passwords"]


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    files.write(path, "old")
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "\ud800")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["passwords"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the owner of a file")
def test_files_get_the_owner_of_their_folder_so_that_mosquitto_can_read_them(tmp_path: Path) -> None:
    group = grp.getgrnam("daemon").gr_gid
    os.chown(tmp_path, 1, group)
    files.make_folder(tmp_path / "data", files.DATA_MODE)
    files.write(tmp_path / "passwords", "text")
    for path in (tmp_path / "data", tmp_path / "passwords"):
        assert (path.stat().st_uid, path.stat().st_gid) == (1, group)


def test_missing_folders_above_let_mosquitto_pass_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        files.make_folder(tmp_path / "etc" / "hubbub" / "mosquitto", files.FOLDER_MODE)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("etc", "etc/hubbub", "etc/hubbub/mosquitto")]
    assert modes == [0o755, 0o755, files.FOLDER_MODE]
