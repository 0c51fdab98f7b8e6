"""Gives each test a log file or a store in a folder of its own, and a reader that tells what was said of it."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.store.children import SALT
from tests.store.fact_world import Stores

from jeton.store import Log


@dataclass
class Logs:
    """One log file, opened as often as a test likes; `warnings` holds every line that was said of it."""

    path: Path
    warnings: list[str] = field(default_factory=list)

    def open(self, salt: str = SALT) -> Log:
        return Log(self.path, salt=salt, warn=self.warnings.append)

    def found(self) -> list[bytes]:
        """Open the log, close it, and give what was in it."""
        log = self.open()
        log.close()
        return log.payloads

    def filled(self, *payloads: bytes) -> bytes:
        """Make the log anew with these records and give the bytes of the file."""
        self.path.unlink(missing_ok=True)
        log = self.open()
        for payload in payloads:
            log.append(payload)
        log.close()
        return self.path.read_bytes()

    def aside(self) -> list[Path]:
        """Give the files that were set aside."""
        return sorted(self.path.parent.glob(f"{self.path.name}.aside-*"))


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path / "log")


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path / "store")
