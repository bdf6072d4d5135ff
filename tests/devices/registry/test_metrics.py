from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from devices.errors import Invalid, NotFound
from devices.models import Device, Metric, Space
from devices.registry import metrics
from devices.rooms import provisioning
from devices.telemetry import snapshots


@pytest.fixture(autouse=True)
def speed(pump: Device) -> Metric:
    Metric.objects.create(device=pump, name="level")
    return Metric.objects.create(device=pump, name="speed")


def test_metrics_are_sorted_by_name_and_come_with_their_space(
    pump: Device, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        found = [(metric.name, metric.space.slug) for metric in metrics.of_device(pump)]
    assert found == [("level", "garden"), ("speed", "garden")]


def test_a_metric_is_found_by_its_name(pump: Device, speed: Metric) -> None:
    assert metrics.get(pump, "speed") == speed


@pytest.mark.parametrize("name", ["", "Speed", "speed\0", "speed\n", "x" * 10_000])
def test_an_unknown_name_is_not_found(pump: Device, name: str) -> None:
    with pytest.raises(NotFound):
        metrics.get(pump, name)


def test_a_metric_of_another_device_is_not_found(space: Space) -> None:
    fan, _ = provisioning.create_device("fan-1", space)
    with pytest.raises(NotFound, match="fan-1 has no metric 'speed'"):
        metrics.get(fan, "speed")


def test_a_renamed_metric_keeps_its_readings_and_its_earlier_names(pump: Device, speed: Metric) -> None:
    metrics.change(speed, name="rpm")
    metrics.change(speed, name="turns")
    assert metrics.get(pump, "turns") == metrics.by_any_name(pump, "speed") == metrics.by_any_name(pump, "rpm") == speed
    assert [facts["aliases"] for facts in metrics.facts(pump) if facts["name"] == "turns"] == [["rpm", "speed"]]
    metrics.change(speed, name="speed")
    assert [facts["aliases"] for facts in metrics.facts(pump) if facts["name"] == "speed"] == [["rpm", "turns"]]
    pump.refresh_from_db()
    assert pump.metrics_revision == 3


@pytest.mark.parametrize("name", ["", "level", "flow", "a\nb", "x" * 129, "\0"])
def test_a_name_that_is_taken_or_not_valid_is_refused(pump: Device, speed: Metric, name: str) -> None:
    metrics.change(Metric.objects.create(device=pump, name="flow"), name="rate")  # still sent as flow
    with pytest.raises(Invalid):
        metrics.change(speed, name=name)
    speed.refresh_from_db()
    assert speed.name == "speed"


def test_the_earlier_names_of_a_metric_are_bounded(pump: Device, speed: Metric, monkeypatch) -> None:
    monkeypatch.setattr(metrics, "MAX_ALIASES", 2)
    metrics.change(speed, name="a")
    metrics.change(speed, name="b")
    with pytest.raises(Invalid, match="2 earlier names"):
        metrics.change(speed, name="c")
    metrics.change(speed, name="a")


def test_a_renamed_metric_keeps_its_unit(pump: Device, speed: Metric) -> None:
    pump.attributes = {"units.speed": "1/min", "units.b": "Hz"}
    pump.save()
    metrics.change(speed, name="a")
    metrics.change(speed, name="b")
    pump.refresh_from_db()
    assert pump.attributes == {"units.speed": "1/min", "units.a": "1/min", "units.b": "Hz"}


def test_those_who_refer_to_a_metric_by_name_learn_of_the_new_one(pump: Device, speed: Metric) -> None:
    heard: list[tuple[str, str]] = []

    def receive(device: Device, old: str, new: str, **_: object) -> None:
        heard.append((old, new))

    metrics.metric_renamed.connect(receive)
    metrics.change(speed, name="rpm", ignored=True)
    metrics.change(speed, ignored=False)
    assert heard == [("speed", "rpm")]


def test_a_deleted_metric_is_gone_and_an_ignored_one_keeps_its_names(pump: Device, speed: Metric) -> None:
    metrics.change(speed, name="rpm")
    metrics.delete(speed)
    assert [metric.name for metric in metrics.of_device(pump)] == ["level"]
    with pytest.raises(NotFound):
        metrics.by_any_name(pump, "speed")
    level = metrics.get(pump, "level")
    metrics.change(level, name="depth", ignored=True)
    metrics.delete(level)
    assert metrics.facts(pump) == [{"name": "depth", "read_as": None, "ignored": True, "aliases": ["level"]}]
    assert metrics.get(pump, "depth") != level
    with pytest.raises(NotFound):
        metrics.delete(level)


def test_a_snapshot_has_the_names_under_which_renamed_metrics_are_sent(pump: Device, speed: Metric) -> None:
    assert "aliases" not in snapshots.of_devices([pump])["pump-1"]["device"]
    metrics.change(speed, name="rpm")
    pump.refresh_from_db()
    assert snapshots.of_devices([pump])["pump-1"]["device"]["aliases"] == {"speed": "rpm"}
