from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from devices.errors import NotFound
from devices.models import Device, Metric, Space
from devices.registry import metrics
from devices.rooms import provisioning


@pytest.fixture(autouse=True)
def speed(pump: Device) -> Metric:
    Metric.objects.create(device=pump, name="level")
    return Metric.objects.create(device=pump, name="speed")


def test_metrics_are_sorted_by_name_and_come_with_their_space(
    pump: Device, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        found = [(metric.name, metric.device.space.slug) for metric in metrics.of_device(pump)]
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
