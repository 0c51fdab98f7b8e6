"""Runs one measured program in this process and prints what it found: `python bench/query_programs.py TOPIC NAME`.

Prints JSON: the figures, or why there are none. Owns the list of all programs; query.py starts this afresh for each.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# Run as a script, from any folder; a jeton that is installed, or named by PYTHONPATH, comes first.
sys.path.extend(str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "src"))

from bench import query_calls, query_graphs, query_peers, query_threads
from bench.query_costs import Program

PROGRAMS: dict[tuple[str, str], Program] = {
    **query_calls.PROGRAMS,
    **query_graphs.PROGRAMS,
    **query_peers.PROGRAMS,
    **query_threads.PROGRAMS,
}
"""By topic and name; the peers of a topic come after jeton, in the order of the table's columns."""


def main(topic: str, name: str) -> None:
    free = "" if getattr(sys, "_is_gil_enabled", lambda: True)() else "t"
    answer: dict[str, object] = {"python": sys.version.split()[0] + free, "title": name}
    try:
        if "." not in name and name != "jeton" and topic != "threads":
            answer["title"] = f"{name} {version(name)}"
        answer["figures"] = PROGRAMS[topic, name]()
    except PackageNotFoundError:
        answer["absent"] = f"{name} is not installed"
    except RecursionError:
        answer["failed"] = "RecursionError"
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
