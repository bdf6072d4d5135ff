from __future__ import annotations

import pytest

from devices import errors
from devices.errors import MAX_KEY, MAX_LISTED, REFUSALS, RETRY, HubbubError, Refusal, SkippedValues


def known(kind: type[HubbubError]) -> list[type[HubbubError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in known(child))]


def test_every_error_code_of_the_domain_has_retry_advice() -> None:
    codes = {kind.code for kind in known(HubbubError) if kind.__module__ == errors.__name__}
    assert codes <= set(RETRY)


def test_the_message_of_a_refusal_explains_its_reason() -> None:
    assert Refusal("too_deep").message == REFUSALS["too_deep"]
    assert Refusal("not_finite", "NaN").message == f"{REFUSALS['not_finite']}: NaN"


def test_the_key_of_a_refusal_cannot_forge_a_line_of_the_log() -> None:
    refusal = Refusal("name_invalid", key="a\nERROR: \u202e°" + "x" * 1000)
    assert refusal.key.startswith(r"a\nERROR: \u202e°xxx")
    assert len(refusal.key) == MAX_KEY
    assert refusal.message.startswith(refusal.key)
    assert refusal.message.isprintable()


def test_skipped_values_are_all_counted_and_the_first_keys_listed() -> None:
    found, more = SkippedValues(), SkippedValues()
    assert not found
    for i in range(MAX_LISTED + 5):
        found.add(Refusal("not_finite", key=f"a{i}"))
        more.add(Refusal("not_finite", key=f"b{i}"), 2)
    more.add(Refusal("too_deep", key="c"))
    found.add(Refusal("not_finite", key="a0"))
    found.merge(more)
    assert found.counts == {"not_finite": 3 * (MAX_LISTED + 5) + 1, "too_deep": 1}
    assert [(refusal.key, count) for refusal, count in found][:2] == [("a0", 2), ("a1", 1)]
    assert len(list(found)) == MAX_LISTED
    assert (found.first.reason, found.first.key) == ("not_finite", "a0")


def test_a_refusal_needs_a_known_reason() -> None:
    with pytest.raises(KeyError):
        Refusal("just_because")
