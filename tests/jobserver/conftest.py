"""Holds every test to its descriptors: what it opens, it closes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.jobserver.pipes import open_fds, pipe

from jeton.jobserver import PipeAuth


@pytest.fixture(autouse=True)
def _every_descriptor_is_closed_again() -> Iterator[None]:
    before = open_fds()
    yield
    assert open_fds() == before


@pytest.fixture
def inherited() -> Iterator[PipeAuth]:
    """A pipe with three tokens that differ, as a parent passes it on."""
    with pipe(b"abc") as auth:
        yield auth


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make pools in a folder of the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path
