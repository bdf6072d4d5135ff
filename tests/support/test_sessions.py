"""What `make test` does with failures, and what it reports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import sessions
from tests.support.sessions import Session


class Played(Session):
    """A session whose runs of pytest end as given: exit code, names of failed tests, durations."""

    runs: Iterator[tuple[int, list[str], dict[str, float]]]
    asked: list[tuple[str, ...]]

    def _pytest(self, *options: str) -> tuple[int, list[str]]:
        self.asked.append(options)
        code, failed, durations = next(self.runs)
        self.durations |= durations
        return code, failed


def played(*runs: tuple[int, list[str], dict[str, float]]) -> Played:
    made = Played("SQLite")
    made.runs, made.asked = iter(runs), []
    return made


def test_a_run_without_failures_is_not_repeated() -> None:
    session = played((0, [], {}))
    assert session.run(["tests/hub"]) == 0
    assert [options[-1] for options in session.asked] == ["tests/hub"]
    assert session.flaky == []


def test_what_passes_only_when_it_is_run_again_is_flaky() -> None:
    session = played((1, ["a", "b"], {}), (0, [], {}))
    assert session.run([]) == 0
    assert session.flaky == ["a", "b"]
    assert {"-n0", "--last-failed"} <= set(session.asked[1])


def test_what_fails_again_is_a_failure_and_not_flaky() -> None:
    session = played((1, ["a", "b"], {}), (1, ["b"], {}))
    assert session.run([]) == 1
    assert session.flaky == ["a"]


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_a_run_that_broke_off_is_not_repeated(code: int) -> None:
    session = played((code, [], {}))
    assert session.run([]) == code
    assert len(session.asked) == 1


def test_the_slowest_tests_and_the_flaky_ones_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    durations = {f"test_{n}": float(n) for n in range(12)}
    session = played((1, ["test_3"], durations), (0, [], {"test_3": 0.5}))
    session.run([])
    capsys.readouterr()
    sessions.report([session])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "== The 10 slowest tests"
    assert [line.split()[2] for line in lines[1:11]] == [f"test_{n}" for n in (11, 10, 9, 8, 7, 6, 5, 4, 2, 1)]
    assert lines[11].startswith("== FLAKY: ")
    assert lines[12:] == ["test_3 (SQLite)"]
