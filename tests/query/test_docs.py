"""The pages about queries are true: their programs run, in the order of the page, and print what the page shows.

A block with a title is a file. A console block runs those of its commands that begin with `python` or `jeton`, in the
folder of its page, where the files so far are.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PAGES = [
    "tutorials/queries.md",
    "how-to/incremental-tools.md",
    "how-to/commands-in-queries.md",
    "how-to/parallel-queries.md",
]
_NEEDS = {"how-to/commands-in-queries.md": "make"}
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
_PROGRAMS = {"python": [sys.executable], "jeton": [sys.executable, "-m", "jeton"]}


def blocks_of(page: str) -> list[tuple[str, str, str]]:
    """Return the language, the title and the text of each block of a page."""
    return _BLOCK.findall((TOP / "docs" / page).read_text(encoding="utf-8"))


def commands_of(text: str) -> list[tuple[list[str], str]]:
    """Return the commands of a console block, each with what it prints."""
    told = [one.partition("\n") for one in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]]
    return [(command.split(), output) for command, _, output in told]


def ran(words: list[str], folder: Path) -> str:
    """Run a command as a reader would, in no pool, and return what it prints."""
    environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "JETON_POOL")}
    environ["PYTHONPATH"] = str(TOP / "src")
    done = subprocess.run(
        [*_PROGRAMS[words[0]], *words[1:]],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_programs_of_the_page_print_what_it_shows(page: str, tmp_path: Path) -> None:
    if page in _NEEDS and shutil.which(_NEEDS[page]) is None:
        pytest.skip(f"needs {_NEEDS[page]}")
    count = 0
    for language, title, text in blocks_of(page):
        if title:
            (tmp_path / title).write_text(text, encoding="utf-8")
        if language != "console":
            continue
        for words, expected in commands_of(text):
            if words[0] in _PROGRAMS:
                assert ran(words, tmp_path) == expected, " ".join(words)
                count += 1
    assert count > 0


@pytest.mark.parametrize("page", [*PAGES, "reference/query.md", "design/query.md", "design/query-threads.md"])
def test_names_of_the_page_are_in_the_source(page: str) -> None:
    text = (TOP / "docs" / page).read_text(encoding="utf-8")
    for module, names in re.findall(r"^from (jeton\.[\w.]+) import (.+)$", text, re.MULTILINE):
        found = __import__(module, fromlist=["_"])
        for name in names.split(","):
            assert hasattr(found, name.partition(" as ")[0].strip()), f"{module}: {name}"
