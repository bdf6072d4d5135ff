"""Settings are read once at start-up, so each case runs in its own process."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ROOT

CLEAN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
CLEAN["DJANGO_SETTINGS_MODULE"] = "hub.settings"


def start(folder: Path, expression: str = "None", **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a process that prints `expression` of the settings `s` as JSON."""
    code = f"import json; from django.conf import settings as s; print(json.dumps({expression}, default=str))"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**CLEAN, "DATA_DIR": str(folder), **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def setting(folder: Path, expression: str, **environ: str) -> object:
    done = start(folder, expression, **environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "eighty"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DEVICE_RATE_LIMIT", "-1"),
        ("EXTRA_APPS", "no_such_app"),
        ("EXTRA_APPS", "a b"),
    ],
)
def test_an_invalid_setting_stops_the_start_with_one_line_that_names_it(tmp_path: Path, name: str, text: str) -> None:
    done = start(tmp_path, "s.DEBUG", **{name: text})
    assert done.returncode == 1
    assert done.stderr.startswith(f"hubbub: {name} must be ")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr
    assert done.stdout == ""


def test_the_secret_key_is_generated_once_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first, second = (setting(folder, "s.SECRET_KEY") for _ in range(2))
    assert first == second == (folder / "secret_key").read_text()
    assert len(str(first)) >= 64
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert setting(tmp_path / "other", "s.SECRET_KEY") != first


def test_cookies_require_tls_if_every_public_address_is_https(tmp_path: Path) -> None:
    expression = "[s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE]"
    assert setting(tmp_path, expression) == [False, False]
    assert setting(tmp_path, expression, PUBLIC_URL="https://hub.example.org") == [True, True]
    assert setting(tmp_path, expression, PUBLIC_URL="https://hub.example.org,http://10.0.0.7") == [False, False]


def test_pages_are_only_for_tls_if_every_public_address_is_https(tmp_path: Path) -> None:
    expression = "[s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS > 0]"
    assert setting(tmp_path, expression) == [False, False]
    assert setting(tmp_path, expression, PUBLIC_URL="https://hub.example.org") == [True, True]
    assert setting(tmp_path, expression, PUBLIC_URL="https://hub.example.org,http://10.0.0.7") == [False, False]


def test_the_deployment_checks_of_django_find_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO"],
        env={**CLEAN, "DATA_DIR": str(tmp_path / "data"), "PUBLIC_URL": "https://hub.example.org"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_an_open_folder_stops_the_start(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "of another program").touch()
    done = start(tmp_path, "s.DEBUG")
    assert done.returncode == 1
    assert done.stderr.startswith("hubbub: DATA_DIR: other users of this machine may enter")
    assert done.stderr.count("\n") == 1


def test_the_password_of_redis_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter/2\n")
    url = f"redis://h:6379/0?password_file={tmp_path / 'password'}"
    expression = "[s.REDIS_URL, s.CHANNEL_LAYERS['default']['CONFIG']['hosts']]"
    filled = "redis://:hunter%2F2@h:6379/0"
    assert setting(tmp_path / "data", expression, REDIS_URL=url) == [filled, [filled]]


def test_the_configured_database_is_used(tmp_path: Path) -> None:
    expression = "[s.DATABASES['default'][key] for key in ('ENGINE', 'NAME', 'CONN_MAX_AGE')]"
    own = setting(tmp_path, expression, DATABASE_URL="postgres://u:p@h:5433/hub")
    assert own == ["django.db.backends.postgresql", "hub", 0]
    assert setting(tmp_path, expression) == ["django.db.backends.sqlite3", str(tmp_path / "hubbub.sqlite3"), 0]


def test_options_of_the_database_url_are_kept(tmp_path: Path) -> None:
    options = setting(tmp_path, "s.DATABASES['default']['OPTIONS']", DATABASE_URL="postgres://h/hub?sslmode=require")
    assert isinstance(options, dict)
    assert options["sslmode"] == "require"
    assert "pool" in options


def test_redis_replaces_the_layer_in_memory(tmp_path: Path) -> None:
    expression = "s.CHANNEL_LAYERS['default']['BACKEND'].rsplit('.', 1)[1]"
    assert setting(tmp_path, expression) == "InMemoryChannelLayer"
    assert setting(tmp_path, expression, REDIS_URL="redis://h") == "RedisPubSubChannelLayer"


def test_pages_cannot_run_inline_code_or_load_anything_from_elsewhere(tmp_path: Path) -> None:
    policy = setting(tmp_path, "s.CONTENT_SECURITY_POLICY['DIRECTIVES']", PUBLIC_URL="https://hub.example.org")
    assert isinstance(policy, dict)
    allowed = {source for sources in policy.values() for source in sources}
    assert not [source for source in allowed if "unsafe" in source or "*" in source]
    assert "wss://hub.example.org" in policy["connect-src"]
    assert {source for source in allowed if "//" in source} <= set(policy["connect-src"])


def test_processes_on_several_machines_share_a_secret_key_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a long key\n")
    file = str(tmp_path / "key")
    assert setting(tmp_path / "data", "s.SECRET_KEY", SECRET_KEY_FILE=file) == "a long key"
    assert not (tmp_path / "data" / "secret_key").exists()


def test_the_database_s_password_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter/2\n")
    url = f"postgres://hub@h/hub?password_file={tmp_path / 'password'}"
    database = setting(tmp_path, "s.DATABASES['default']", DATABASE_URL=url)
    assert isinstance(database, dict)
    assert database["PASSWORD"] == "hunter/2"
    assert "password_file" not in database["OPTIONS"]


@pytest.mark.parametrize("content", [None, "", "\n"])
@pytest.mark.parametrize(
    ("name", "text"), [("SECRET_KEY_FILE", "{}"), ("DATABASE_URL", "postgres://u@h/d?password_file={}")]
)
def test_an_unreadable_secret_stops_the_start(tmp_path: Path, name: str, text: str, content: str | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    done = start(tmp_path / "data", "s.DEBUG", **{name: text.format(file)})
    assert done.returncode == 1
    assert done.stderr.startswith(f"hubbub: {name}")
    assert str(file) in done.stderr
    assert done.stderr.count("\n") == 1


def test_extra_apps_come_last(tmp_path: Path) -> None:
    for name in ("greenhouse", "cellar"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    apps = setting(tmp_path / "data", "s.INSTALLED_APPS", EXTRA_APPS=" greenhouse, cellar ", PYTHONPATH=str(tmp_path))
    assert isinstance(apps, list)
    assert apps[-2:] == ["greenhouse", "cellar"]
