"""The domain's errors: one tree, each code in one table with its advice."""

from __future__ import annotations

RETRY: dict[str, bool] = {
    # Code -> whether the same request may succeed later without being changed.
    "not_found": False,
    "forbidden": False,
    "invalid": False,
    "unavailable": True,
    "too_many": True,
    "unauthenticated": False,
    "too_large": False,
    "internal": False,
}

REFUSALS: dict[str, str] = {
    # Reason -> what it means, in the words that a person reads on the device's page and in the log.
    "bad_topic": "the topic is not one that a device may publish on",
    "unknown_device": "no device of this uid is known",
    "wrong_broker": "the device belongs to another broker than the one it came through",
    "payload_too_large": "the payload is larger than 128 KiB",
    "empty_payload": "the payload is empty",
    "retained": "telemetry must not be retained",
    "invalid_utf8": "the payload is not UTF-8",
    "invalid_encoding": "the payload is UTF-16 or UTF-32, not UTF-8",
    "invalid_json": "the payload is not JSON",
    "invalid_shape": "the JSON has not the documented shape",
    "invalid_unicode": "a string holds half of a surrogate pair",
    "nul_character": "a string holds the NUL character",
    "duplicate_key": "an object names a key twice",
    "not_finite": "a number is NaN or infinite",
    "out_of_range": "an integer does not fit into 64 bits",
    "number_too_long": "a number has too many digits",
    "too_deep": "values are nested more than 8 deep",
    "text_too_long": "a string value has more than 1,024 characters",
    "name_invalid": "a name is empty, longer than 128 characters or holds control characters",
    "too_many_values": "one message holds too many values",
    "too_many_metrics": "the device has too many metrics already",
    "timestamp_invalid": "a time is neither milliseconds since 1970 nor ISO 8601",
    "timestamp_misplaced": "a time stands among the values and not beside them",
    "older_than_retention": "a time is older than the readings that are kept",
    "rate_limited": "the device sends more messages a second than its limit",
    "time_in_future": "a time is more than five minutes in the future",
    "invalid_csv": "the line is not sound CSV: quotes that do not close, or text after them",
    "invalid_header": "the first line does not name a column of times and one of values",
    "wrong_columns": "the line has not as many columns as the first line",
    "line_too_long": "the line is longer than 64 KiB",
    "not_storable": "the database did not take the message",
    "unknown_command": "the answer belongs to no open command of this device",
}


class HubbubError(Exception):
    """Root of the errors that callers may show to a client: a stable `code` and a sentence."""

    code = "invalid"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def retry(self) -> bool:
        return RETRY[self.code]


class NotFound(HubbubError):
    """Missing, or not visible to who asks: the two answer alike, so that nobody can probe for names."""

    code = "not_found"


class Forbidden(HubbubError):
    """Visible, but the role does not allow it."""

    code = "forbidden"


class Invalid(HubbubError):
    code = "invalid"


class TooMany(HubbubError):
    """A limit of a rate or a number was passed."""

    code = "too_many"


class TooLarge(HubbubError):
    code = "too_large"


class Unavailable(HubbubError):
    """A part of the hub is away; the same request may succeed later."""

    code = "unavailable"


class Refusal(HubbubError):
    """A message of a device that cannot be taken; `reason` is a key of `REFUSALS`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{REFUSALS[reason]}: {detail}" if detail else REFUSALS[reason])
        self.reason = reason
        self.detail = detail
