"""The documentation agrees with the code: its links work, and its tables list what the code defines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from bridges.rest.errors import _STATUS
from dashboards.live.consumers.hub import limits
from dashboards.live.errors import CLOSE_CODES, ERRORS
from dashboards.live.handlers import HANDLERS
from dashboards.live.streams import KINDS
from devices.channel.events import AvailabilityChanged, CommandChanged, DirectStored, ReadMoved
from devices.errors import REFUSALS
from devices.models import Space
from devices.rooms.chat import registry
from devices.values import Availability, MessageKind, Role
from hub import env
from tests.support.servers import ROOT

DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
FOLDERS = ("hub", "dashboards", "bridges", "devices", "tests", "benchmarks", "deploy", "docs")
FILES_OF_THE_READER = {"deploy/tls", "deploy/mosquitto/conf.d/tls.conf"}
"""Files that the reader creates."""
OWN_APPS = ("hub", "dashboards", "bridges", "devices")
_LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def prose(page: Path) -> str:
    """The text without its code blocks."""
    return _FENCE.sub("", page.read_text())


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def broken_links(page: Path) -> list[str]:
    found = []
    for link in filter(None, (link or source for link, source in _LINK.findall(_CODE.sub("", prose(page))))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_has_a_target(page: Path) -> None:
    assert broken_links(page) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Here & there\n")
    page = tmp_path / "page.md"
    page.write_text("[a](other.md) [b](other.md#here--there) [c](other.md#gone) [d](gone.md) `[e](gone.md)`\n")
    assert broken_links(page) == ["other.md#gone", "gone.md"]


def test_every_page_is_reachable_from_the_readme() -> None:
    reached: set[Path] = set()
    following = [ROOT / "README.md"]
    while following:
        page = following.pop()
        reached.add(page)
        links = (page.parent / link.partition("#")[0] for link, _ in _LINK.findall(prose(page)) if ".md" in link)
        following += {link.resolve() for link in links} - reached
    assert set(PAGES) <= reached


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_and_folder_named_in_the_docs_exists(page: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", prose(page))
    assert [path for path in named if path not in FILES_OF_THE_READER and not (ROOT / path).exists()] == []


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """The rows of the tables below a heading: each name in backquotes in the first cell -> the other cells."""
    text = (DOCS / page).read_text()
    section = re.search(rf"^(#+) {re.escape(heading)}$\n(.*?)(?=^\1 |\Z)", text, re.DOTALL | re.MULTILINE)
    assert section is not None, f"{page} has no heading {heading!r}"
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^\| (.*) \|$(?!\n\| --- )", section[2], re.MULTILINE):
        first, *others = line.split(" | ")
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", first), others)
    return found


def names(keys: Iterable[str]) -> set[str]:
    """The first word of each: `addmember` of `addmember USERNAME --space SLUG`."""
    return {key.split()[0] for key in keys}


def test_the_settings_listed_are_those_the_hub_reads() -> None:
    read: set[str] = set()

    class Environ(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            read.add(key)
            return super().get(key, default)

    assert env.read(Environ(), ROOT)
    assert len(read) == len(fields(env.Env))
    assert set(rows("settings.md", "Settings")) == read


def test_the_defaults_listed_for_settings_are_right() -> None:
    default = env.read({}, ROOT)
    shown = {name: cells[0].strip("`") for name, cells in rows("settings.md", "Settings").items()}
    for name in ("PORT", "MQTT_PORT", "BIND", "MQTT_BIND"):
        assert shown[name] == str(getattr(default, name.lower()))
    for name in shown:
        if not name.endswith(("_LIMIT", "_MB", "_QUOTA")):
            continue
        assert shown[name] == str(getattr(default, name.lower()))
    assert (shown["DEMO"], shown["DEBUG"]) == (str(int(default.demo)), str(int(default.debug)))


def test_the_commands_listed_are_those_of_the_hub() -> None:
    own = {name for name, app in get_commands().items() if app in OWN_APPS}
    shown = names(rows("commands.md", "Commands"))
    assert own <= shown
    assert shown - own == {"migrate", "changepassword"}  # Django's, worth knowing


def options(command: str) -> set[str]:
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
    return {option for action in parser._actions for option in action.option_strings}


def test_the_docs_name_only_existing_commands_and_options() -> None:
    lines = dict.fromkeys(rows("commands.md", "Commands"), "commands.md")
    for page in PAGES:
        lines |= dict.fromkeys(re.findall(r"manage\.py ([a-z]+(?: [^\n`|#]*)?)", page.read_text()), name_of(page))
    for line, page_name in lines.items():
        command, *rest = line.split()
        if not command.startswith("--"):
            assert command in get_commands(), f"{page_name}: {line}"
            assert {word for word in rest if word.startswith("--")} <= options(command), f"{page_name}: {line}"


def test_all_options_of_exportmosquitto_are_listed() -> None:
    shown = {name for name in names(rows("deployment/mosquitto.md", "Run it")) if name.startswith("--")}
    django = options("migrate") & options("runworker")
    assert shown | {"--data"} == options("exportmosquitto") - django


def test_all_reasons_of_refusals_are_listed() -> None:
    of_messages = set(rows("protocol/refusals.md", "Refusals"))
    of_lines = {"time_in_future", "wrong_columns", "invalid_csv", "line_too_long", "invalid_header"}
    assert of_messages | of_lines == set(REFUSALS)
    assert of_lines - {"invalid_header"} <= set(rows("protocol/csv.md", "Import"))


def test_the_limits_of_the_welcome_frame_are_listed(settings: Any) -> None:
    shown = rows("protocol/limits.md", "The welcome frame")
    assert set(shown) == set(limits())
    numbers = {name: re.sub(r".*\(([0-9,]+)\).*", r"\1", cells[0]).replace(",", "") for name, cells in shown.items()}
    settings.CHAT_RATE_LIMIT = env.read({}, ROOT).chat_rate_limit
    assert numbers == {name: f"{value:.0f}" for name, value in limits().items()}


def test_all_close_codes_are_listed_with_their_reconnect_advice() -> None:
    table = re.findall(r"^\| (\d{4}) \| .* \| (.*) \|$", (DOCS / "protocol/limits.md").read_text(), re.MULTILINE)
    assert {int(code) for code, _ in table} == {code.value for code in CLOSE_CODES}
    assert {int(code) for code, advice in table if advice.startswith("yes")} == {
        code.value for code, advice in CLOSE_CODES.items() if advice.reconnect
    }


def test_all_error_codes_are_listed_with_their_retry_advice() -> None:
    shown = rows("protocol/limits.md", "Error codes")
    assert set(shown) == {*ERRORS, *_STATUS, "refused"}
    assert {code for code, cells in shown.items() if cells[1] == "later"} == {
        code for code, retry in ERRORS.items() if retry
    }


def test_all_requests_and_streams_are_listed() -> None:
    requests = {str(request.__struct_config__.tag) for request in HANDLERS}
    assert set(rows("protocol/websocket.md", "Requests")) == requests
    assert {name.partition(":")[0] for name in rows("protocol/websocket.md", "Streams")} == set(KINDS)


def test_all_pushes_are_listed() -> None:
    source = "".join(file.read_text() for file in (ROOT / "dashboards").rglob("*.py"))
    of_events = {kind.type for kind in (AvailabilityChanged, CommandChanged, DirectStored, ReadMoved)}
    sent = set(re.findall(r'"type": ?"(\w+)"', source)) | of_events
    assert set(rows("protocol/websocket.md", "Pushes")) == sent - {"snapshot"}  # on event streams only


def test_all_kinds_of_log_entries_are_listed() -> None:
    assert set(rows("rooms.md", "The log")) == {kind.value for kind in MessageKind}


def test_all_chat_commands_are_listed() -> None:
    built_in = {name for name, one in registry._commands.items() if one.handler.__module__.startswith("devices.")}
    assert {name.removeprefix("/") for name in names(rows("rooms.md", "Chat commands"))} == built_in


def test_all_states_of_availability_and_all_roles_are_listed() -> None:
    assert set(rows("protocol/availability.md", "Availability")) == {state.value for state in Availability}
    header = re.search(r"## Roles\n\n\| \| (.*) \|", (DOCS / "people-and-spaces.md").read_text())
    assert header is not None
    assert header[1].split(" | ") == [role.name.lower() for role in Role]


def test_the_defaults_listed_for_retention_are_right() -> None:
    shown = re.findall(r"\| `(\w+_days)` \| (\d+) \|", (DOCS / "history.md").read_text())
    assert {name: int(days) for name, days in shown} == {
        name: Space._meta.get_field(name).default for name in ("raw_days", "minute_days", "hour_days")
    }


def test_all_packages_of_the_domain_are_listed() -> None:
    packages = {file.parent.name for file in (ROOT / "devices").glob("*/__init__.py")} - {"management", "migrations"}
    table = (ROOT / "CONTRIBUTING.md").read_text().split("The packages of `devices/`")[1]
    listed = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for cell in listed for name in re.findall(r"`(\w+)`", cell)} == packages


def test_every_term_of_the_glossary_is_unique() -> None:
    terms = re.findall(r"^\| (\*\*.*?\*\*)(?: \||, )", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert len(terms) == len({term.lower() for term in terms}) > 30
