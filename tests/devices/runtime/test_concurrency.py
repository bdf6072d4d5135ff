from __future__ import annotations

import pytest

from devices.errors import TooMany
from devices.runtime.concurrency import ConcurrencyLimit


def test_operations_up_to_the_limit_run_and_one_more_is_refused() -> None:
    limit = ConcurrencyLimit("exports", 2)
    with limit, limit:
        with pytest.raises(TooMany, match="2 exports are running"), limit:
            pass
        assert limit.running == 2
    assert limit.running == 0


def test_nobody_holds_all_the_places() -> None:
    limit = ConcurrencyLimit("exports", 3, each=2)
    with limit.of(1), limit.of(1):
        with pytest.raises(TooMany, match="2 exports of yours are running"), limit.of(1):
            pass
        with limit.of(2):
            assert limit.running == 3
            with pytest.raises(TooMany, match="3 exports are running"), limit.of(3):
                pass
    assert limit.running == 0
    assert not limit._of_person


def test_an_operation_that_fails_makes_room_for_the_next_one() -> None:
    limit = ConcurrencyLimit("exports", 1)
    with pytest.raises(ZeroDivisionError), limit:
        raise ZeroDivisionError
    with limit:
        assert limit.running == 1
