from __future__ import annotations

from django.db import models

from devices.models.devices import Metric
from devices.values import MAX_TEXT, Value


class Reading(models.Model):
    """A stored sample. The key absorbs a sample that the broker delivers twice.

    `number` is what charts draw; `text` is set where a double alone would lose the value:

    ============ ========== =================
    value        number     text
    ============ ========== =================
    21.5, 40     21.5, 40.0 NULL
    true, false  1.0, 0.0   "true", "false"
    2**60        2.0**60    "1152921504606846976"
    "open"       NULL       "open"
    ============ ========== =================
    """

    pk = models.CompositePrimaryKey("metric_id", "time")
    metric = models.ForeignKey(Metric, models.CASCADE, db_index=False)
    time = models.BigIntegerField(help_text="microseconds since 1970 UTC")
    number = models.FloatField(null=True)
    text = models.CharField(max_length=MAX_TEXT, null=True)  # noqa: DJ001 - NULL and "" differ, see above

    def __str__(self) -> str:
        return f"{self.metric_id} at {self.time}"


_EXACT = 2**53


def to_columns(value: Value) -> tuple[float | None, str | None]:
    """`(number, text)` of a value."""
    if isinstance(value, float):
        return value, None
    if isinstance(value, bool):
        return (1.0, "true") if value else (0.0, "false")
    if isinstance(value, str):
        return None, value
    if isinstance(value, int) and not -_EXACT <= value <= _EXACT:
        return float(value), str(value)
    return float(value), None


def from_columns(number: float | None, text: str | None) -> Value:
    """The value that `to_columns` made these from; whole numbers come back as `int`."""
    if number is None:
        return text or ""
    if text is not None:
        return text == "true" if text in ("true", "false") else int(text)
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number
