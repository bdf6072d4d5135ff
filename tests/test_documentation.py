"""The documentation is true: its links lead somewhere, and its tables list what the code has."""

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
from dashboards.consumers import limits
from dashboards.live.errors import CLOSE_CODES, ERRORS
from dashboards.live.handlers import HANDLERS
from dashboards.live.streams import KINDS
from devices.errors import REFUSALS
from devices.models import Space
from devices.rooms.chat import registry
from devices.values import Availability, MessageKind, Role
from hub import env
from tests.support.servers import ROOT

DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
FOLDERS = ("hub", "dashboards", "bridges", "devices", "tests", "benchmarks", "deploy", "docs")
YOURS = {"deploy/tls", "deploy/mosquitto/conf.d/tls.conf"}
"""What the reader makes."""
OWN_APPS = ("hub", "dashboards", "bridges", "devices")
_LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def prose(page: Path) -> str:
    """The text without its blocks of code."""
    return _FENCE.sub("", page.read_text())


@cache
def anchors(page: Path) -> frozenset[str]:
    """The headings as GitHub names them in addresses."""
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
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "architecture.md"], ids=name_of)
def test_files_and_folders_that_are_named_exist(page: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", prose(page))
    assert [path for path in named if path not in YOURS and not (ROOT / path).exists()] == []


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """The tables below a heading: what is in backquotes in the first cell of each row -> the other cells."""
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


def test_the_settings_are_those_that_the_hub_reads() -> None:
    read: set[str] = set()

    class Environ(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            read.add(key)
            return super().get(key, default)

    assert env.read(Environ(), ROOT)
    assert len(read) == len(fields(env.Env))
    assert set(rows("settings.md", "Settings")) == read


def test_the_defaults_of_the_settings_are_true() -> None:
    default = env.read({}, ROOT)
    shown = {name: cells[0].strip("`") for name, cells in rows("settings.md", "Settings").items()}
    for name in ("PORT", "MQTT_PORT", "BIND", "MQTT_BIND"):
        assert shown[name] == str(getattr(default, name.lower()))
    for name in ("DEVICE_RATE_LIMIT", "CHAT_RATE_LIMIT", "CONNECTION_LIMIT", "FILE_LIMIT"):
        assert shown[name] == str(getattr(default, name.lower()))
    assert (shown["DEMO"], shown["DEBUG"]) == (str(int(default.demo)), str(int(default.debug)))


def test_the_commands_are_those_of_the_hub() -> None:
    own = {name for name, app in get_commands().items() if app in OWN_APPS}
    shown = names(rows("commands.md", "Commands"))
    assert own <= shown
    assert shown - own == {"migrate", "changepassword"}  # Django's, worth knowing


def test_the_pages_name_only_options_that_commands_have() -> None:
    for page in PAGES:
        for command, rest in re.findall(r"manage\.py ([a-z]+)((?: [^\n`|#]*)?)", page.read_text()):
            assert command in get_commands(), f"{name_of(page)}: {command}"
            parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
            known = {option for action in parser._actions for option in action.option_strings}
            assert set(re.findall(r" (--[a-z-]+)", rest)) <= known, f"{name_of(page)}: {command}{rest}"


def test_the_reasons_of_refusals_are_all_listed() -> None:
    of_messages = set(rows("protocol/refusals.md", "Refusals"))
    of_lines = {"time_in_future", "wrong_columns", "invalid_csv", "line_too_long", "invalid_header"}
    assert of_messages | of_lines == set(REFUSALS)
    assert of_lines - {"invalid_header"} <= set(rows("protocol/csv.md", "Import"))


def test_welcome_has_the_limits_that_are_listed(settings: Any) -> None:
    shown = rows("protocol/limits.md", "The welcome frame")
    assert set(shown) == set(limits())
    numbers = {name: re.sub(r".*\(([0-9,]+)\).*", r"\1", cells[0]).replace(",", "") for name, cells in shown.items()}
    settings.CHAT_RATE_LIMIT = env.read({}, ROOT).chat_rate_limit
    assert numbers == {name: f"{value:.0f}" for name, value in limits().items()}


def test_the_close_codes_are_all_listed_with_their_advice() -> None:
    table = re.findall(r"^\| (\d{4}) \| .* \| (.*) \|$", (DOCS / "protocol/limits.md").read_text(), re.MULTILINE)
    assert {int(code) for code, _ in table} == {code.value for code in CLOSE_CODES}
    assert {int(code) for code, advice in table if advice.startswith("yes")} == {
        code.value for code, advice in CLOSE_CODES.items() if advice.reconnect
    }


def test_the_error_codes_are_all_listed_with_their_advice() -> None:
    shown = rows("protocol/limits.md", "Error codes")
    assert set(shown) == {*ERRORS, *_STATUS, "refused"}
    assert {code for code, cells in shown.items() if cells[1] == "later"} == {
        code for code, retry in ERRORS.items() if retry
    }


def test_the_requests_and_streams_are_all_listed() -> None:
    requests = {str(request.__struct_config__.tag) for request in HANDLERS}
    assert set(rows("protocol/websocket.md", "Requests")) == requests
    assert {name.partition(":")[0] for name in rows("protocol/websocket.md", "Streams")} == set(KINDS)


def test_the_log_of_a_room_has_the_kinds_that_are_listed() -> None:
    assert set(rows("rooms.md", "The log")) == {kind.value for kind in MessageKind}


def test_the_chat_commands_are_all_listed() -> None:
    built_in = {name for name, one in registry._commands.items() if one.handler.__module__.startswith("devices.")}
    assert {name.removeprefix("/") for name in names(rows("rooms.md", "Chat commands"))} == built_in


def test_the_states_of_a_device_and_the_roles_are_all_listed() -> None:
    assert set(rows("protocol/availability.md", "Availability")) == {state.value for state in Availability}
    header = re.search(r"## Roles\n\n\| \| (.*) \|", (DOCS / "people-and-spaces.md").read_text())
    assert header is not None
    assert header[1].split(" | ") == [role.name.lower() for role in Role]


def test_retention_has_the_defaults_that_are_listed() -> None:
    shown = re.findall(r"\| `(\w+_days)` \| (\d+) \|", (DOCS / "history.md").read_text())
    assert {name: int(days) for name, days in shown} == {
        name: Space._meta.get_field(name).default for name in ("raw_days", "minute_days", "hour_days")
    }


def test_a_term_has_one_meaning() -> None:
    terms = re.findall(r"^\| (\*\*.*?\*\*)(?: \||, )", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert len(terms) == len({term.lower() for term in terms}) > 30
