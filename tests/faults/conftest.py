from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stage import Prepared, Stage, prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def stage(tmp_path: Path, prepared: Prepared) -> Iterator[Stage]:
    with Stage(tmp_path, prepared) as found:
        yield found
