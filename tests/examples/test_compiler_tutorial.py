"""The tutorial of the compiler is true: its code stands in the compiler, and its commands print what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest
from tests.examples.compiler_project import REPOSITORY

TUTORIAL = (REPOSITORY / "docs" / "tutorials" / "compiler.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', TUTORIAL, flags=re.MULTILINE | re.DOTALL)
QUOTED = [(title, text) for _, title, text in BLOCKS if title.startswith("examples/")]


@pytest.mark.parametrize(("path", "text"), QUOTED, ids=[f"{path}-{text.split('(')[0]}" for path, text in QUOTED])
def test_quoted_code_stands_in_the_compiler(path: str, text: str) -> None:
    source = (REPOSITORY / path).read_text(encoding="utf-8")
    assert text in source or indent(text, "    ") in source


@pytest.mark.peer
def test_commands_print_what_the_tutorial_says(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    environ = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    environ |= {"PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")])}
    ran = 0
    for language, title, text in BLOCKS:
        if title and not title.startswith("examples/"):
            (tmp_path / title).write_text(text)
        if language != "console":
            continue
        for told in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, expected = told.partition("\n")
            if command.startswith("python bench/"):
                continue  # it measures
            words = command.replace("python ", f"{sys.executable} ", 1) if command.startswith("python ") else command
            done = subprocess.run(
                ["sh", "-c", words],
                cwd=tmp_path,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert done.stdout == expected, command
            ran += 1
    assert ran > 5
