import json

import pytest

from bridges.simulator.answers import REMEMBERED, Answers
from bridges.simulator.physics.pump import Pump


@pytest.fixture
def pump() -> Pump:
    return Pump(seed=1)


@pytest.fixture
def answers(pump: Pump) -> Answers:
    return Answers(pump)


def test_the_answer_has_the_new_values(answers: Answers, pump: Pump):
    answer = answers.answer("a1", b'{"name": "set", "args": {"speed": 40, "on": false}}')
    assert json.loads(answer) == {"ok": True, "result": {"speed": 40, "on": False}}
    assert pump.readings()["speed"] == 40


def test_a_repeated_command_gets_the_first_answer_and_is_not_executed(answers: Answers, pump: Pump):
    first = answers.answer("a1", b'{"name": "set", "args": {"speed": 40}}')
    assert answers.answer("a1", b'{"name": "set", "args": {"speed": 90}}') == first
    assert pump.readings()["speed"] == 40


def test_a_refused_command_gives_the_reason(answers: Answers):
    answer = json.loads(answers.answer("a1", b'{"name": "explode"}'))
    assert answer == {"ok": False, "error": "unknown command 'explode'; known here: set"}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"on",
        b"[]",
        b"null",
        b'{"args": {}}',
        b'{"name": 7}',
        b'{"name": "set", "args": [1]}',
        b'{"name": "set", "args": null}',
        b"\xff\xfe\x00",
        b'{"name": "\xff"}',
        b'{"name": "set", "args": {"speed": NaN}}',
        b'{"name": "set", "args": {"speed": 1e999}}',
        b'{"name": "set", "args": {"speed": ' + b"[" * 100_000,
    ],
)
def test_a_malformed_command_is_answered_and_changes_nothing(answers: Answers, pump: Pump, payload: bytes):
    before = pump.readings()
    answer = json.loads(answers.answer("a1", payload))
    assert answer["ok"] is False
    assert answer["error"]
    assert pump.readings() == before


def test_the_memory_of_answers_is_bounded(answers: Answers, pump: Pump):
    answers.answer("first", b'{"name": "set", "args": {"speed": 40}}')
    for number in range(REMEMBERED):
        answers.answer(f"later-{number}", b'{"name": "set", "args": {"speed": 50}}')
    answers.answer("later-0", b'{"name": "set", "args": {"speed": 70}}')
    assert pump.readings()["speed"] == 50  # still remembered
    answers.answer("first", b'{"name": "set", "args": {"speed": 60}}')
    assert pump.readings()["speed"] == 60  # forgotten, so executed


def test_a_command_that_arrives_too_late_is_neither_executed_nor_answered(answers: Answers, pump: Pump):
    assert answers.answer("late", b'{"name": "set", "args": {"speed": 40}, "expires_at": 1700000000000}') is None
    assert pump.readings()["speed"] != 40
    in_time = b'{"name": "set", "args": {"speed": 40}, "expires_at": 99000000000000}'
    assert answers.answer("in-time", in_time) is not None
    assert pump.readings()["speed"] == 40


def test_a_command_that_was_executed_in_time_is_answered_again_afterwards(answers: Answers):
    first = answers.answer("a1", b'{"name": "set", "args": {"speed": 40}}')
    assert answers.answer("a1", b'{"name": "set", "args": {"speed": 40}, "expires_at": 1700000000000}') == first
