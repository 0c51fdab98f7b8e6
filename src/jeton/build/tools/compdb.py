"""The compilation database: which command compiles which file. Owns its JSON form.

Reference: "JSON Compilation Database Format Specification", clang.llvm.org.
"""

import json
from collections.abc import Iterable, Iterator

from jeton.build.graph import Step


def database(steps: Iterable[Step], directory: str, *, expand_rspfile: bool) -> str:
    """Return the database of the steps that have an input, as JSON text."""
    entries = [entry for step in steps for entry in _entries(step, directory, expand_rspfile=expand_rspfile)]
    return json.dumps(entries, indent=2, ensure_ascii=False)


def _entries(step: Step, directory: str, *, expand_rspfile: bool) -> Iterator[dict[str, str]]:
    first = next(step.inputs(), None)
    if step.phony or first is None:
        return
    command = _with_rspfile(step) if expand_rspfile else step.recipe.command
    yield {"directory": directory, "command": command, "file": first.path, "output": step.outputs[0].path}


def _with_rspfile(step: Step) -> str:
    """Put the response file's content where the command names it (`@FILE`, `-f FILE`, `--option-file=FILE`)."""
    recipe = step.recipe
    command = recipe.command
    at = command.find(recipe.rspfile) if recipe.rspfile else -1
    if at <= 0:
        return command
    for prefix in ("@", "-f ", "--option-file="):
        if command.endswith(prefix, 0, at):
            content = recipe.rspfile_content.replace("\n", " ")
            return command[: at - len(prefix)] + content + command[at + len(recipe.rspfile) :]
    return command
