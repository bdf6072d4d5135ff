"""Metrics of devices, and what managers change of them. Rights are checked by the caller (`devices.access`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F
from django.dispatch import Signal

from devices.channel import fanout
from devices.channel.events import MetricsChanged
from devices.errors import Invalid, NotFound
from devices.registry.models import Device, Metric, MetricAlias
from devices.values import MAX_NAME, is_storable

MAX_ALIASES = 20
"""Names under which the device may send one metric, beside its own."""

metric_renamed = Signal()
"""Sent within the transaction, with `device`, the `old` and the `new` name, to those who refer to metrics by name."""


def of_device(device: Device) -> list[Metric]:
    """The device's metrics with their space, sorted by name."""
    return list(device.metrics.select_related("device__space").order_by("name"))


def get(device: Device, name: str) -> Metric:
    """The device's metric of this name, with its space. Raises `NotFound`."""
    metrics = device.metrics.select_related("device__space")
    found = metrics.filter(name=name).first() if is_storable(name) else None
    if found is None:
        raise NotFound(f"{device.uid} has no metric {name!r}")
    return found


def by_any_name(device: Device, name: str) -> Metric:
    """The device's metric that has or had this name: links and charts outlive a change of it. Raises `NotFound`."""
    try:
        return get(device, name)
    except NotFound:
        alias = MetricAlias.objects.filter(device=device, name=name).first() if is_storable(name) else None
        if alias is None:
            raise
        return alias.metric


def ids_by_any_name(device: Device, names: Iterable[str]) -> set[int]:
    """The ids of the metrics that have or had these names, in two queries. Raises `NotFound` if one is missing."""
    wanted = set(names)
    storable = [name for name in wanted if is_storable(name)]
    found = dict(MetricAlias.objects.filter(device=device, name__in=storable).values_list("name", "metric_id"))
    found |= dict(device.metrics.filter(name__in=storable).values_list("name", "id"))
    if missing := wanted - found.keys():
        raise NotFound(f"{device.uid} has no metric {min(missing)!r}")
    return set(found.values())


def aliases(devices: Iterable[Device]) -> dict[int, dict[str, str]]:
    """Device id -> the name under which the device sends a metric -> the name that it was given."""
    changed = [device.pk for device in devices if device.metrics_revision]
    found: dict[int, dict[str, str]] = {}
    if changed:
        rows = MetricAlias.objects.filter(device__in=changed).values_list("device_id", "name", "metric__name")
        for device_id, sent, name in rows:
            found.setdefault(device_id, {})[sent] = name
    return found


def facts(device: Device) -> list[dict[str, Any]]:
    """The device's metrics with their settings, by name, in the form of the HTTP API."""
    return [_facts(metric) for metric in device.metrics.prefetch_related("aliases").order_by("name")]


def _facts(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "read_as": metric.read_as or None,
        "ignored": metric.ignored,
        "aliases": [alias.name for alias in metric.aliases.all()],
    }


@transaction.atomic
def change(metric: Metric, *, name: str | None = None, read_as: str | None = None, ignored: bool | None = None) -> None:
    """Changes what is given. A metric that was renamed keeps its history and the name under which it is sent, as an
    alias. `read_as`: "number", "boolean" or "" for values as they come. Raises `Invalid`."""
    device = _locked(metric)
    if name is not None and name != metric.name:
        _rename(device, metric, name)
    if read_as is not None:
        if read_as not in dict(Metric.READ_AS):
            raise Invalid("read_as is number, boolean or null")
        metric.read_as = read_as
    if ignored is not None:
        metric.ignored = ignored
    metric.save(update_fields=["name", "read_as", "ignored"])
    _announce(device)


@transaction.atomic
def delete(metric: Metric) -> None:
    """Deletes the metric with its history, which a job removes soon after.

    It is created anew when the device sends it again, unless it is ignored: then its name stays, without a history.
    """
    device = _locked(metric)
    aliases = list(metric.aliases.values_list("name", flat=True))
    MetricAlias.objects.filter(metric=metric).delete()
    Metric.objects.filter(pk=metric.pk).update(device=None)
    if metric.ignored:
        heir = Metric.objects.create(device=device, name=metric.name, ignored=True)
        MetricAlias.objects.bulk_create(MetricAlias(device=device, name=alias, metric=heir) for alias in aliases)
    _announce(device)


def _locked(metric: Metric) -> Device:
    """The device; two changes of its metrics happen one after the other. `metric` is as it is stored now."""
    device = Device.objects.select_for_update().filter(pk=metric.device_id or 0).first()
    stored = device.metrics.filter(pk=metric.pk).first() if device is not None else None
    if device is None or stored is None:
        raise NotFound(f"there is no metric {metric.name!r} any more")
    metric.name, metric.read_as, metric.ignored = stored.name, stored.read_as, stored.ignored
    return device


def _rename(device: Device, metric: Metric, name: str) -> None:
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"the name of a metric has 1 to {MAX_NAME} printable characters")
    own = MetricAlias.objects.filter(device=device, metric=metric)
    taken = MetricAlias.objects.filter(device=device, name=name).exclude(metric=metric).exists()
    if taken or device.metrics.filter(name=name).exists():
        raise Invalid(f"the device has another metric that is called or sent as {name!r}")
    own.filter(name=name).delete()
    if own.count() >= MAX_ALIASES:
        raise Invalid(f"a metric can have up to {MAX_ALIASES} earlier names")
    old, metric.name = metric.name, name
    own.create(device=device, name=old, metric=metric)
    _keep_unit(device, old, name)
    metric_renamed.send(None, device=device, old=old, new=name)


def _keep_unit(device: Device, old: str, new: str) -> None:
    """The device goes on to report the unit under the old name."""
    unit = device.attributes.get(f"units.{old}")
    if unit is not None and f"units.{new}" not in device.attributes:
        device.attributes[f"units.{new}"] = unit
        device.save(update_fields=["attributes"])


def _announce(device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(metrics_revision=F("metrics_revision") + 1)
    transaction.on_commit(lambda: fanout.publish_from_sync([MetricsChanged(device.pk)]))
