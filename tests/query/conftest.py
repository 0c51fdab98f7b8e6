"""The engines that a test runs on."""

from collections.abc import Iterator

import pytest
from tests.query.scenario import Runs, engine_of

from jeton.query import Engine


@pytest.fixture(params=[1, 4], ids=["jobs=1", "jobs=4"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine that runs all on the caller's thread, then one that has helpers: nothing may depend on it."""
    with engine_of(request.param) as made:
        yield made


@pytest.fixture
def runs() -> Runs:
    """What ran."""
    return Runs()
