"""The page on security lists every limit with its setting, and every counter of something refused."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from prometheus_client import Counter, Gauge, Histogram

from bridges.broker.stats import new_stats
from devices.runtime import stats
from hub import env
from hub.middleware.permissions_policy import OWN
from tests.test_documentation import DOCS, rows

PAGE = (DOCS / "security.md").read_text()
LIMITS = PAGE.split("## Limits")[1].split("\n## ")[0]
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in re.findall(r"^\| .* \|$(?!\n\| ---)", LIMITS, re.MULTILINE)
]

REFUSED = re.compile(
    r"refused|dropped|closed|ignored|kept_back|merged|losses|throttled|cut|evicted|limited|slowed|pruned"
)
"""What the name of a counter says if a client did not get what it asked for."""


def counters() -> set[str]:
    """The names of our counters, as `/metrics` shows them."""
    made = [value for value in vars(stats).values() if isinstance(value, Counter | Gauge | Histogram)]
    return {name for each in made for name in _shown(each)}


def _shown(metric: Counter | Gauge | Histogram) -> list[str]:
    [family] = metric.collect()
    return [f"{family.name}_total" if isinstance(metric, Counter) else family.name]


def table_rows() -> list[list[str]]:
    return [row for row in ROWS if not set(row[0]) <= {"-"}]


def test_every_row_has_a_limit_a_consequence_and_a_counter() -> None:
    assert len(table_rows()) > 10
    for row in table_rows():
        assert len(row) == 5, row
        limit, _, _, consequence, counted = row
        assert limit, row
        assert consequence, row
        assert "hubbub_" in counted, row


def test_every_limit_with_a_setting_is_listed_with_its_default() -> None:
    settings = rows("settings.md", "Limits")
    listed = {name: row[1] for row in table_rows() for name in re.findall(r"`([A-Z_]+)`", row[2])}
    assert listed.keys() == settings.keys()
    assert listed.keys() <= {field.name.upper() for field in fields(env.Env)}
    for name, value in listed.items():
        default = settings[name][0].strip("`").replace(",", "")
        assert value.replace(",", "").startswith("none" if default == "0" else default), name


def test_every_counter_of_something_refused_is_listed_and_exists() -> None:
    listed = {name for row in table_rows() for name in re.findall(r"`(hubbub_\w+)", row[4])}
    known = counters() | {"hubbub_broker"}
    assert listed <= known
    assert {name for name in counters() if REFUSED.search(name)} <= listed


def test_every_count_of_the_broker_that_is_named_exists() -> None:
    named = set(re.findall(r'hubbub_broker\{count="([\w.]+)"\}', LIMITS))
    assert len(named) > 5
    assert named <= new_stats().keys()


def test_the_features_of_the_browser_are_named() -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith("| pages |")]
    for feature in OWN:
        assert {"fullscreen": "full screen", "screen-wake-lock": "wake lock"}.get(feature, feature) in row


@pytest.mark.parametrize("attack", re.findall(r"^\| (?!attack|---).* \| `(tests/[\w/.]+)` \|$", PAGE, re.MULTILINE))
def test_every_attack_has_its_test(attack: str) -> None:
    assert (DOCS.parent / attack).exists()
