"""What every test of commands and files starts from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.query.outside.world import Stop, World, engine_of

from jeton.query import Engine


@pytest.fixture(params=[1, 4], ids=["jobs=1", "jobs=4"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine with a real pool, of one slot and of more."""
    with engine_of(request.param) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A folder that commands can name."""
    return World(tmp_path)


@pytest.fixture
def stop(tmp_path: Path) -> Iterator[Stop]:
    """A place where a command waits for the test."""
    made = Stop(tmp_path)
    yield made
    made.close()
