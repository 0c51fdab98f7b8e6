"""Gives each test a stream of its own, with a clock that ticks once per event."""

from itertools import count

import pytest

from jeton.trace import Stream


@pytest.fixture
def stream() -> Stream:
    ticks = count(1)
    return Stream(lambda: next(ticks))
