"""docker-compose.yml, Dockerfile and .env, checked without a container engine."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft7Validator

from hub.npm import ALLOWED
from tests.deploy import compose
from tests.support.servers import ROOT
from tests.test_documentation import rows

ONE_SHOT = "migrate"


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    return compose.read(compose.example_settings())


@pytest.fixture(scope="module")
def services(file: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = file["services"]
    return found


def test_the_compose_file_is_valid(file: dict[str, Any]) -> None:
    errors = list(Draft7Validator(get_builtin_schema("vendor.compose-spec")).iter_errors(file))
    assert not errors, errors


def test_the_public_url_is_required() -> None:
    with pytest.raises(compose.Unset, match="PUBLIC_URL"):
        compose.read({})


def test_the_example_lists_exactly_the_settings_that_the_file_uses() -> None:
    used = set(re.findall(r"\$\{(\w+)", compose.COMPOSE.read_text()))
    assert used == set(compose.example_settings())


def test_the_defaults_of_the_file_match_the_example() -> None:
    example = compose.example_settings()
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]+)\}", compose.COMPOSE.read_text()))
    assert defaults == {name: example[name] for name in defaults}


def test_every_limit_can_be_set_for_compose(file: dict[str, Any]) -> None:
    limits = {name: cells[0].strip("`") for name, cells in rows("settings.md", "Limits").items()}
    del limits["MQTT_CONNECTION_LIMIT"]  # of the embedded broker, which Mosquitto replaces there
    given = file["services"]["web"]["environment"]
    assert {name: given.get(name) for name in limits} == limits


def test_every_image_is_pinned_to_a_version(services: dict[str, dict[str, Any]]) -> None:
    names = {service["image"] for service in services.values()}
    names |= set(re.findall(r"^FROM (\S+)", compose.DOCKERFILE.read_text(), re.MULTILINE))
    assert not [name for name in names if not re.search(r":\d+\.\d+(\.\d+)?(-[a-z-]+)?(@sha256:[0-9a-f]{64})?$", name)]


FAKE_DOCKER = """#!/bin/sh
[ "$1 $2 $3" = "buildx imagetools inspect" ] || exit 2
case $4 in {unknown}) echo "no such image" >&2; exit 1 ;; esac
printf 'sha256:%s\\n' "$(printf %s "$4$MOVED" | sha256sum | cut -d' ' -f1)"
"""
"""Stands for a registry: the digest of an image is that of its name and of a variable."""


def pin(folder: Path, unknown: str = "none", moved: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the script on a copy of the files, which stays for the next run."""
    (folder / "deploy").mkdir(exist_ok=True)
    for path in (compose.COMPOSE, compose.DOCKERFILE, ROOT / "deploy" / "pin-images.sh"):
        copy = folder / path.relative_to(ROOT)
        if not copy.exists():
            shutil.copy(path, copy)
    docker = folder / "bin" / "docker"
    docker.parent.mkdir(exist_ok=True)
    docker.write_text(FAKE_DOCKER.format(unknown=unknown))
    docker.chmod(0o755)
    environment = {"PATH": f"{docker.parent}:/usr/bin:/bin", "MOVED": moved}
    script = [str(folder / "deploy" / "pin-images.sh")]
    return subprocess.run(["/bin/sh", *script], env=environment, capture_output=True, text=True)


def images_in(folder: Path) -> list[str]:
    text = (folder / "docker-compose.yml").read_text() + (folder / "Dockerfile").read_text()
    return re.findall(r"^(?: *image: |FROM )(\S+)", text, re.MULTILINE)


def test_images_can_be_pinned_to_the_digests_of_their_registries(tmp_path: Path) -> None:
    done = pin(tmp_path)
    assert done.returncode == 0, done.stderr
    before, first = images_in(ROOT), images_in(tmp_path)
    assert [image.partition("@")[0] for image in first] == before
    assert [image for image in first if not re.search(r"@sha256:[0-9a-f]{64}$", image)] == ["hubbub:0.1.0"]
    pinned, original = ((folder / "Dockerfile").read_text().splitlines() for folder in (tmp_path, ROOT))
    assert all(new == old or new.startswith("FROM ") for new, old in zip(pinned, original, strict=True))
    assert pin(tmp_path, moved="since").returncode == 0
    assert [image.partition("@")[0] for image in images_in(tmp_path)] == before
    assert not set(images_in(tmp_path)) & set(first) - {"hubbub:0.1.0"}


def test_nothing_is_pinned_if_one_image_is_unknown(tmp_path: Path) -> None:
    done = pin(tmp_path, unknown="postgres:*")
    assert done.returncode != 0
    assert images_in(tmp_path) == images_in(ROOT)


def test_every_service_has_a_health_check_and_restarts(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        if name == ONE_SHOT:
            assert service["restart"].startswith("on-failure")
            assert service["healthcheck"] == {"disable": True}
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name


def test_no_container_runs_as_root_or_can_write_to_its_image(services: dict[str, dict[str, Any]]) -> None:
    dockerfile = compose.DOCKERFILE.read_text()
    assert dockerfile.rindex("\nUSER hubbub") > dockerfile.rindex("\nRUN")
    for name, service in services.items():
        assert "build" in service or service["user"] not in ("root", "0"), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name


def test_mosquitto_runs_as_the_owner_of_its_files(services: dict[str, dict[str, Any]]) -> None:
    [uid] = re.findall(r"--uid (\d+)", compose.DOCKERFILE.read_text())
    [gid] = re.findall(r"--gid (\d+)", compose.DOCKERFILE.read_text())
    assert services["mosquitto"]["user"] == f"{uid}:{gid}"


def test_only_the_proxy_and_mosquitto_are_reachable(services: dict[str, dict[str, Any]]) -> None:
    published = {name: [port.split(":")[-1] for port in each.get("ports", [])] for name, each in services.items()}
    assert {name: ports for name, ports in published.items() if ports} == {
        "proxy": ["8080", "8443"],
        "mosquitto": ["1883", "8883"],  # but not the bridges' 1884
    }
    assert services["proxy"]["networks"] == ["front"]
    assert [name for name, each in services.items() if "front" in each["networks"]] == ["proxy", "web"]
    assert [name for name, each in services.items() if "devices" in each["networks"]] == ["mosquitto"]


def test_the_network_between_the_parts_has_no_way_out(file: dict[str, Any]) -> None:
    assert [name for name, network in file["networks"].items() if network.get("internal")] == ["back"]


def test_every_service_has_a_bound_on_memory_and_processes(services: dict[str, dict[str, Any]]) -> None:
    assert {name for name, each in services.items() if {"mem_limit", "pids_limit"} <= each.keys()} == services.keys()
    [connections] = re.findall(r"max_connections=(\d+)", " ".join(services["postgres"]["command"]))
    assert services["postgres"]["pids_limit"] > int(connections) + 50


def test_secrets_are_never_in_the_environment_or_on_a_command_line(file: dict[str, Any]) -> None:
    text = compose.COMPOSE.read_text()
    assert not re.search(r"://\w+:[^@/\s]+@", text)
    assert not re.search(r"PASSWORD(?!_FILE)", text)
    shown = [line for line in text.splitlines() if "printf" not in line]  # a part of the shell, and no process
    assert not [line for line in shown if re.search(r"(-[Pa]|pass\w*)\s+\"?\$\$\(", line)]
    for name, service in file["services"].items():
        for secret in service.get("secrets", []):
            assert secret in file["secrets"], name


def test_service_dependencies_exist_and_have_no_circle(services: dict[str, dict[str, Any]]) -> None:
    done: set[str] = set()
    while done != services.keys():
        ready = {name for name, each in services.items() if each.get("depends_on", {}).keys() <= done} - done
        assert ready, f"{services.keys() - done} wait for each other"
        done |= ready
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            condition = "service_completed_successfully" if needed == ONE_SHOT else "service_healthy"
            assert how == {"condition": condition}


def test_every_command_of_a_service_is_a_manage_py_command(services: dict[str, dict[str, Any]]) -> None:
    entrypoint = compose.image_words("ENTRYPOINT")
    assert entrypoint == ["python", "manage.py"]
    commands = {each["command"][0] for each in services.values() if "build" in each}
    known = subprocess.run(
        [sys.executable, "manage.py", "help", "--commands"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert commands | {compose.image_words("CMD")[0]} <= set(known.stdout.split())


def test_secrets_are_created_once_and_only_for_their_owner(tmp_path: Path, file: dict[str, Any]) -> None:
    folder = tmp_path / "secrets"

    def make() -> dict[str, str]:
        subprocess.run(["/bin/sh", str(ROOT / "deploy" / "secrets.sh"), str(folder)], check=True)
        return {path.name: path.read_text() for path in folder.iterdir()}

    made = make()
    assert made.keys() == file["secrets"].keys()
    assert len(set(made.values())) == len(made)
    assert all(re.fullmatch(r"[\w-]{64}", text) for text in made.values())
    assert make() == made
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o644}


def test_the_image_contains_everything_the_hub_needs(tmp_path: Path) -> None:
    """With only the files that the Dockerfile copies, the hub starts and finds its static files."""
    copied = re.findall(r"^COPY (?!--from)(.+)$", compose.DOCKERFILE.read_text(), re.MULTILINE)
    final = copied[2:]  # the first two belong to the stages that install packages
    for words in final:
        source, target = words.split()
        path = tmp_path / target
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(ROOT / source, path) if (ROOT / source).is_dir() else shutil.copy(ROOT / source, path)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    code = (
        "import django; django.setup()\n"
        "from django.contrib.staticfiles import finders\n"
        f"assert all(finders.find('vendor/' + name) for name in {ALLOWED!r})\n"
        "import hub.asgi"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "hub.settings", "DATA_DIR": str(tmp_path / "data"), "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_packages_of_the_image_are_checked_against_their_hashes() -> None:
    assert "pip install --no-cache-dir --disable-pip-version-check --require-hashes" in compose.DOCKERFILE.read_text()
    required = re.split(r"\n(?=\S)", (ROOT / "requirements.txt").read_text().strip())
    assert len(required) > 40
    assert not [line for line in required if "--hash=sha256:" not in line]


def test_the_build_context_contains_only_what_the_dockerfile_copies() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+)$", compose.DOCKERFILE.read_text(), re.MULTILINE)
    assert allowed == {source for words in copied for source in words.split()[:-1]}
