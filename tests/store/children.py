"""Starts real processes that use the store. Owns their environment and the hand-shakes over their pipes."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

SRC = Path(__file__).resolve().parents[2] / "src"
SALT = "a reader 1"


class Child:
    """A Python process that runs `code` with `arguments` in sys.argv[1:]; its lines are numbered signals."""

    def __init__(self, code: str, *arguments: str | Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(SRC)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
        self._stdin.close()
        self._stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def hears(self, line: str) -> None:
        self._stdin.write(f"{line}\n".encode())

    def says(self) -> str:
        """Wait for its next line; an empty one is its end."""
        line = bytearray()
        while (byte := self._stdout.read(1)) and byte != b"\n":
            line += byte
        return line.decode()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def rest(self) -> list[str]:
        """Give the whole lines that it wrote and nobody has read, once it has ended."""
        text = bytearray()
        while part := self._stdout.read(65536):
            text += part
        return text.decode().split("\n")[:-1]

    def ends(self) -> int:
        """Wait for its end and give its status."""
        self._stdin.close()
        return self._process.wait()
