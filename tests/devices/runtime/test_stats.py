from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from devices.runtime import stats

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "deployment" / "monitoring.md"
FORBIDDEN = {"device", "uid", "space", "user", "metric", "topic"}


def _described() -> dict[str, tuple[str, ...]]:
    """Name -> labels of every counter."""
    found = [value for value in vars(stats).values() if isinstance(value, Counter | Gauge | Histogram)]
    names: dict[str, tuple[str, ...]] = {}
    for each in found:
        [family] = each.describe()
        ending = "_total" if isinstance(each, Counter) else ""
        labels = ("le",) if isinstance(each, Histogram) else tuple(each._labelnames)
        names[family.name + ending] = labels
    return names


def test_the_documentation_has_every_name_with_its_labels_and_no_other() -> None:
    rows = re.findall(r"^\| `(hubbub_\w+)` \| (.*?) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == _described()


def test_no_counter_has_a_label_for_each_device_or_person() -> None:
    assert not {label for labels in _described().values() for label in labels} & FORBIDDEN
