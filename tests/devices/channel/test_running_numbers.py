from __future__ import annotations

import pytest

from devices.channel.running_numbers import RunningNumbers


@pytest.fixture
def numbers() -> RunningNumbers:
    found = RunningNumbers()
    found.has_gap("commands", "one", 7, expected=1, lost=False)
    return found


@pytest.mark.parametrize(("n", "has_gap"), [(8, False), (9, True), (7, True), (1, True)])
def test_an_event_has_the_number_after_the_last_one(numbers: RunningNumbers, n: int, has_gap: bool) -> None:
    assert numbers.has_gap("commands", "one", n, expected=1, lost=False) is has_gap


@pytest.mark.parametrize(("n", "has_gap"), [(7, False), (8, True)])
def test_an_announcement_repeats_the_last_number(numbers: RunningNumbers, n: int, has_gap: bool) -> None:
    assert numbers.has_gap("commands", "one", n, expected=0, lost=False) is has_gap


def test_a_gap_is_reported_once(numbers: RunningNumbers) -> None:
    assert numbers.has_gap("commands", "one", 9, expected=1, lost=False)
    assert not numbers.has_gap("commands", "one", 10, expected=1, lost=False)


def test_each_source_and_each_group_has_numbers_of_its_own(numbers: RunningNumbers) -> None:
    assert not numbers.has_gap("commands", "other", 30, expected=1, lost=False)
    assert not numbers.has_gap("rights", "one", 40, expected=1, lost=False)
    assert not numbers.has_gap("commands", "one", 8, expected=1, lost=False)


@pytest.mark.parametrize("lost", [False, True])
def test_the_first_number_of_a_source_is_a_gap_only_if_the_source_says_so(lost: bool) -> None:
    assert RunningNumbers().has_gap("commands", "one", 30, expected=1, lost=lost) is lost


def test_a_known_number_decides_whatever_the_source_says(numbers: RunningNumbers) -> None:
    assert not numbers.has_gap("commands", "one", 8, expected=1, lost=True)


def test_a_group_that_was_forgotten_begins_anew(numbers: RunningNumbers) -> None:
    numbers.forget("commands")
    assert not numbers.has_gap("commands", "one", 30, expected=1, lost=False)
