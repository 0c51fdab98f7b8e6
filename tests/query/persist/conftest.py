"""Gives each test a program in a folder of its own."""

from pathlib import Path

import pytest
from tests.query.persist.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
