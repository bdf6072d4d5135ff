"""Pages on retention: of a space, and of single metrics of a device. Members read, managers change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format

from dashboards.views.error_pages import errors_as_pages
from dashboards.views.signed_in import signed_in
from devices import access
from devices.access import Action
from devices.errors import Invalid
from devices.models import Metric, Space
from devices.registry import metrics as registry_metrics
from devices.telemetry.retention import changes, policy
from devices.telemetry.retention.changes import MAX_DAYS, Loss
from devices.telemetry.retention.policy import FIELDS, Retention

_LABELS = {
    "raw_days": ("Readings", "Every value as the device sent it."),
    "minute_days": ("One value a minute", "Lowest, highest and mean of each minute."),
    "hour_days": (
        "One value an hour and a day",
        "The same for each hour and each day: small enough to keep for years.",
    ),
}


class RetentionForm(forms.Form):
    """A number of days for each of `FIELDS`; 0: for ever. `inherited`: the days in force if a field is left empty.

    `confirmed` holds the days for which the page has already shown what would be lost.
    """

    raw_days = forms.IntegerField(min_value=0, max_value=MAX_DAYS)
    minute_days = forms.IntegerField(min_value=0, max_value=MAX_DAYS)
    hour_days = forms.IntegerField(min_value=0, max_value=MAX_DAYS)
    confirmed = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, inherited: Sequence[int] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field, number in zip(FIELDS, inherited or (None,) * len(FIELDS), strict=True):
            self.fields[field].required = inherited is None
            self.fields[field].label, self.fields[field].help_text = _LABELS[field]
            if number is not None:
                self.fields[field].widget.attrs["placeholder"] = str(number)

    @property
    def days(self) -> dict[str, Any]:
        """The valid days by field; `None` for a field that was left empty."""
        return {field: self.cleaned_data[field] for field in FIELDS}

    @property
    def key(self) -> str:
        """The days in the format of `confirmed`."""
        return ",".join(str(value) for value in self.days.values())

    def save(self, row: Space | Metric) -> list[Loss]:
        """Saves the days. If they would delete history and the person has not confirmed that, returns it instead.

        Invalid days add an error to the form.
        """
        try:
            changes.check_days(row, self.days)
        except Invalid as error:
            self.add_error(None, error.message[0].upper() + error.message[1:])
            return []
        lost = [] if self.cleaned_data["confirmed"] == self.key else changes.losses(row, self.days)
        if not lost:
            changes.set_days(row, self.days)
        return lost


@signed_in
def space_retention(request: HttpRequest, slug: str) -> HttpResponse:
    """The retention of the space, with a form for managers."""
    with errors_as_pages():
        space = access.space(request.user, slug, _needed(request))
    context = {
        "space": space,
        "kept": _in_words(policy.of_space(space)),
        "quota": _quota_in_words(space),
        "may_manage": access.may(request.user, Action.MANAGE, space.pk),
    }
    return _form(request, space, context, "dashboards/space_retention.html", reverse("space_retention", args=[slug]))


@signed_in
def device_retention(request: HttpRequest, uid: str) -> HttpResponse:
    """The retention of each metric of the device."""
    with errors_as_pages():
        device = access.device(request.user, uid)
    space = policy.of_space(device.space)
    rows = [(metric, policy.of_metric(metric)) for metric in registry_metrics.of_device(device)]
    context = {
        "device": device,
        "kept": _in_words(space),
        "quota": _quota_in_words(device.space),
        "own": [(metric, _in_words(kept)) for metric, kept in rows if _has_own(metric)],
        "others": [metric for metric, _ in rows if not _has_own(metric)],
        "may_manage": access.may(request.user, Action.MANAGE, device.space_id),
    }
    return render(request, "dashboards/device_retention.html", context)


@signed_in
def metric_retention(request: HttpRequest, uid: str) -> HttpResponse:
    """The form for the metric named in the query string, because a name may hold characters that a path cannot."""
    with errors_as_pages():
        device = access.device(request.user, uid, Action.MANAGE)
        metric = registry_metrics.get(device, request.GET.get("metric", ""))
    space = policy.of_space(device.space)
    context = {
        "device": device,
        "metric": metric,
        "kept": _in_words(policy.of_metric(metric)),
        "theirs": _in_words(space),
    }
    return _form(request, metric, context, "dashboards/metric_retention.html", reverse("device_retention", args=[uid]))


def _needed(request: HttpRequest) -> Action:
    return Action.MANAGE if request.method == "POST" else Action.WATCH


def _has_own(metric: Metric) -> bool:
    return any(getattr(metric, field) is not None for field in FIELDS)


def _form(
    request: HttpRequest, row: Space | Metric, context: dict[str, Any], template: str, after: str
) -> HttpResponse:
    inherited = [getattr(row.space, field) for field in FIELDS] if isinstance(row, Metric) else None
    before = {field: getattr(row, field) for field in FIELDS}
    form = RetentionForm(request.POST or None, initial=before, inherited=inherited)
    lost = form.save(row) if form.is_valid() else []
    if form.is_bound and not form.errors and not lost:
        messages.info(request, "Saved. Older history is removed within minutes.")
        return redirect(after)
    context |= {"form": form, "lost": [_loss_in_words(loss) for loss in lost]}
    # 422: a program that only looks at the status must not take a form that was not saved for a success.
    return render(request, template, context, status=422 if form.is_bound else 200)


def _in_words(kept: Retention) -> str:
    return (
        f"Readings are kept {_days(kept.raw_days)}; one value a minute {_days(kept.minute_days)};"
        f" one an hour and one a day {_days(kept.hour_days)}."
    )


def _quota_in_words(space: Space) -> str:
    """What the operator's quota means for the space; empty without one that has ever had an effect."""
    quota = settings.SPACE_READING_QUOTA
    limit = (
        f"This hub keeps up to {quota:,} readings of a space; beyond that, the oldest are removed first."
        if quota
        else ""
    )
    if not space.removed_until:
        return limit
    until = f"Readings from before {_date(space.removed_until)} have been removed because there were too many."
    return f"{limit} {until}".strip()


def _days(number: int) -> str:
    return "for ever" if number == 0 else "1 day" if number == 1 else f"{number:,} days"


def _loss_in_words(loss: Loss) -> str:
    kind = {"readings": "readings", "minutes": "values a minute", "hours": "values an hour", "days": "values a day"}
    metrics = "1 metric" if loss.metrics == 1 else f"{loss.metrics:,} metrics"
    return f"{kind[loss.kind]} of {metrics}, from {_date(loss.first)} to {_date(loss.until)}"


def _date(time: int) -> str:
    return date_format(datetime.fromtimestamp(time / 1_000_000, UTC), "j F Y")
