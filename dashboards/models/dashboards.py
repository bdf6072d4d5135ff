from __future__ import annotations

from django.db import models

from devices.models import Device, Space


class Dashboard(models.Model):
    """A page of widgets, watched by the members of its space."""

    space = models.ForeignKey(Space, models.CASCADE, related_name="dashboards")
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Widget(models.Model):
    """One tile of a dashboard, on a grid of twelve columns."""

    KINDS = [
        ("chart", "Chart"),
        ("value", "Value"),
        ("gauge", "Gauge"),
        ("control", "Control"),
        ("map", "Map"),
    ]

    dashboard = models.ForeignKey(Dashboard, models.CASCADE, related_name="widgets")
    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=KINDS)
    title = models.CharField(max_length=120, blank=True, help_text="empty: the device's name and the metric")
    metrics = models.JSONField(default=list, help_text="names of the metrics shown, in order")
    options = models.JSONField(default=dict, blank=True, help_text="of the kind: min and max of a gauge, minutes")
    x = models.PositiveSmallIntegerField(default=0)
    y = models.PositiveSmallIntegerField(default=0)
    width = models.PositiveSmallIntegerField(default=4)
    height = models.PositiveSmallIntegerField(default=2)

    class Meta:
        ordering = ["y", "x"]

    def __str__(self) -> str:
        return self.title or f"{self.kind} of {self.device}"
