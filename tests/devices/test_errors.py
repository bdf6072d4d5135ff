from __future__ import annotations

import pytest

from devices import errors
from devices.errors import REFUSALS, RETRY, HubbubError, Refusal


def known(kind: type[HubbubError]) -> list[type[HubbubError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in known(child))]


def test_every_error_code_of_the_domain_has_retry_advice() -> None:
    codes = {kind.code for kind in known(HubbubError) if kind.__module__ == errors.__name__}
    assert codes <= set(RETRY)


def test_the_message_of_a_refusal_explains_its_reason() -> None:
    assert Refusal("too_deep").message == REFUSALS["too_deep"]
    assert Refusal("not_finite", "NaN").message == f"{REFUSALS['not_finite']}: NaN"


def test_a_refusal_needs_a_known_reason() -> None:
    with pytest.raises(KeyError):
        Refusal("just_because")
