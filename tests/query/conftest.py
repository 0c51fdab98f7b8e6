"""The engines that a test runs on."""

import sys
from collections.abc import Iterator

import pytest
from tests.query.scenario import Runs, engine_of

from jeton.query import Engine


@pytest.fixture(autouse=True)
def _the_recursion_limit_is_what_it_was() -> Iterator[None]:
    before = sys.getrecursionlimit()
    yield
    assert sys.getrecursionlimit() == before


@pytest.fixture(params=[1, 4], ids=["jobs=1", "jobs=4"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine that runs all on the caller's thread, then one that has helpers: nothing may depend on it."""
    with engine_of(request.param) as made:
        yield made


@pytest.fixture
def runs() -> Runs:
    """What ran."""
    return Runs()
