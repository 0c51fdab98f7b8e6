"""Gives each test a build folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.peers.ninja.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    return Scenario(tmp_path)
