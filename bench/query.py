"""Measures what jeton.query costs for each operation, beside its peers, in one run.

    python bench/query.py                            every topic; each program five times, of which the least counts
    python bench/query.py --only hits --only misses  these topics
    python bench/query.py --python PYTHON            the topics with peers on this interpreter too; may be given again
    python bench/query.py --free-threaded PYTHON     two threads against one, on a build without the lock
    python bench/query.py --markdown FILE --json FILE

Every program runs in a process of its own, and the programs of a topic take turns, so that what else the machine does
hits all alike. What counts is CPU time; the clock's stands beside it. A peer that an interpreter does not have is left
out, and named. Whether a mark is met is printed and never decides the exit status: time is no test.

Owns the command line, the turns and the tables. What is measured is in query_calls.py, query_graphs.py and
query_threads.py, the peers in query_peers.py; one process of it all is query_programs.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

# Run as a script, from any folder; a jeton that is installed, or named by PYTHONPATH, comes first.
sys.path.extend(str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "src"))

from bench.query_costs import Cost, least
from bench.query_programs import PROGRAMS
from bench.tables import aligned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Line(NamedTuple):
    """One row of a table: a figure, and for jeton alone another one that it is compared with."""

    figure: str
    title: str
    beside: str = ""


@dataclass(frozen=True)
class Topic:
    """One table."""

    name: str
    title: str
    lines: tuple[Line, ...]
    most_repeats: int = 1000
    free_threaded: bool = False
    """It is about threads that run at once, and a ratio is how many times as fast two of them are."""


TOPICS = (
    Topic(
        "hits",
        "A result that is there, demanded in a loop over 1,000 keys; per demand",
        (
            Line("one", "key of one argument, in a query's body"),
            Line("two", "key of two arguments, in a query's body"),
            Line("whole", "with what the query costs at its end"),
            Line("root", "from a session's root"),
        ),
    ),
    Topic(
        "misses",
        "A result that is asked for the first time; per key",
        (
            Line("plain", "reads nothing"),
            Line("four", "reads four others"),
            Line("root", "reads nothing, from a session's root"),
        ),
    ),
    Topic(
        "changes",
        "After a change of an input; per node",
        (
            Line("marked", "marked as suspect"),
            Line("verified", "found unchanged, one read", "red"),
            Line("verified_four", "found unchanged, four reads", "red"),
            Line("red", "run again, one read"),
            Line("set", "input set, one of 20,000, with two nodes above it marked"),
            Line("cutoff", "run again and found the same, and the node above it verified"),
        ),
    ),
    Topic(
        "graph",
        "50,000 nodes with 200,000 reads",
        (
            Line("build", "from nothing, per node"),
            Line("again", "again, unchanged"),
            Line("set", "one input set"),
            Line("roots", "then 12,500 nodes asked for from a root, one by one"),
            Line("top", "and the query above them all, which is run again"),
        ),
        most_repeats=2,
    ),
    Topic(
        "depth",
        "A chain of 100,000 queries; per level",
        (
            Line("cold", "from nothing"),
            Line("marked", "marked, after a change at its bottom"),
            Line("changed", "run again"),
        ),
        most_repeats=3,
    ),
    Topic(
        "maps",
        "10,000 trivial keys at once, and effects; per key",
        (
            Line("loop", "a loop over new keys"),
            Line("one_job", "a map of new keys, one job", "loop"),
            Line("two_jobs", "a map of new keys, two jobs", "loop"),
            Line("one_job_hits", "a map of keys that are there, one job"),
            Line("two_jobs_hits", "the same, two jobs"),
            Line("emit", "a loop over new keys that each tell something", "loop"),
            Line("collect", "what they told, collected"),
            Line("quiet", "the same where one of all has told something"),
        ),
    ),
    Topic(
        "store",
        "A store of 100,000 nodes with 400,000 reads",
        (
            Line("save", "all saved"),
            Line("open", "opened"),
            Line("begin", "the first session: code and 1,800 stamps compared"),
            Line("first", "the first node recalled"),
            Line("recall", "recalled with its value, per node"),
            Line("save_again", "saved after a change of one input"),
        ),
        most_repeats=2,
    ),
    Topic(
        "threads",
        "Two threads against one; per operation",
        (
            Line("hits_same", "hits, both the same keys", "hits_one"),
            Line("hits_disjoint", "hits, each its own keys", "hits_one"),
            Line("misses_disjoint", "small queries from nothing, each its own keys", "misses_one"),
            Line("cold_2", "a map of queries of a millisecond, from nothing", "cold_1"),
            Line("red_2", "the same, every input changed", "red_1"),
        ),
        free_threaded=True,
    ),
)


class Mark(NamedTuple):
    """What is to be reached: a figure of jeton's, in relation to another or in nanoseconds."""

    topic: str
    figure: str
    peer: str
    at_most: float


MARKS = (
    Mark("hits", "one", "functools.cache", 1.3),
    Mark("hits", "two", "functools.cache", 1.3),
    Mark("store", "open", "", 1e6),
)
TWICE = 1.8
"""How many times as fast two threads are to be."""

PATIENCE = 100
"""Seconds after which a program is ended, and said to take longer than that."""


@dataclass
class Measured:
    """All runs of one topic on one interpreter."""

    topic: Topic
    python: str = ""
    runs: dict[str, list[dict[str, Cost]]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)

    def cost(self, name: str, figure: str) -> Cost | None:
        """Return the least of a figure, None where the program has it not."""
        costs = [run[figure] for run in self.runs.get(name, ()) if figure in run]
        return least(costs) if costs else None

    def own(self, figure: str) -> Cost | None:
        """Return the least of a figure that jeton alone has."""
        return next((cost for name in self.runs if (cost := self.cost(name, figure)) is not None), None)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    chosen = [topic for topic in TOPICS if not options.only or topic.name in options.only]
    lines = [_head()]
    print(lines[0], flush=True)
    measured: list[Measured] = []
    turns = [(topic, python) for topic in chosen for python in _interpreters(topic, options)]
    for topic, python in turns:
        measured.append(_measure(topic, python, min(options.repeats, topic.most_repeats)))
        table = ["", *_table(measured[-1])]
        print("\n".join(table), flush=True)
        lines += table
    rest = ["", *_marks(measured)]
    absent = sorted({f"{peer} (on {one.python})" for one in measured for peer in one.absent})
    rest += [f"Not installed: {', '.join(absent)}."] if absent else []
    print("\n".join(rest))
    if options.markdown:
        options.markdown.write_text("\n".join([*lines, *rest, ""]))
    if options.json:
        options.json.write_text(json.dumps([_as_json(one) for one in measured], indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="query.py", description="Measure jeton.query's operations beside its peers.")
    names = [topic.name for topic in TOPICS]
    kept = Path(os.environ.get("JETON_CACHE") or Path.home() / ".cache" / "jeton") / "python3.13t/bin/python3.13t"
    parser.add_argument("--only", action="append", default=[], choices=names, help="this topic; may be given again")
    parser.add_argument("--repeats", type=int, default=5, help="processes of each, of which the least counts")
    parser.add_argument("--python", action="append", default=[], help="another interpreter; may be given again")
    parser.add_argument(
        "--free-threaded",
        metavar="PYTHON",
        default=str(kept) if kept.exists() else None,
        help="for hits, misses and two threads (%(default)s)",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to this file too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to this file, in nanoseconds")
    return parser


def _interpreters(topic: Topic, options: argparse.Namespace) -> list[str]:
    free = [options.free_threaded] if options.free_threaded else []
    if topic.free_threaded:
        return free
    return [sys.executable, *options.python, *(free if topic.name in ("hits", "misses") else [])]


def _head() -> str:
    load = f"load average {os.getloadavg()[0]:.1f}"
    machine = f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores, {load}"
    return f"{machine}. CPU time, the least of several processes; in brackets how many times as much as jeton."


# ---- measuring


def _measure(topic: Topic, python: str, repeats: int) -> Measured:
    """Run the topic's programs in turn, each so many times."""
    measured = Measured(topic)
    names = [name for of, name in PROGRAMS if of == topic.name]
    for number in range(repeats):
        for name in names:
            if name in measured.absent or name in measured.failed:
                continue
            print(f"{topic.name}: {name}, {number + 1} of {repeats} ...", file=sys.stderr, flush=True)
            answer = _run(python, topic.name, name)
            measured.python = answer.get("python", measured.python)
            measured.titles[name] = answer.get("title", name)
            if "figures" in answer:
                figures = {figure: Cost(*cost) for figure, cost in answer["figures"].items()}
                measured.runs.setdefault(name, []).append(figures)
            elif "absent" in answer:
                measured.absent.add(name)
            else:
                measured.failed[name] = answer["failed"]
    return measured


def _run(python: str, topic: str, name: str) -> dict[str, Any]:
    program = Path(__file__).resolve().with_name("query_programs.py")
    environ = {key: value for key, value in os.environ.items() if key != "MAKEFLAGS"}
    done = subprocess.run([python, str(program), topic, name], env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{topic}, {name}: failed on {python}:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


# ---- tables


def _table(measured: Measured) -> list[str]:
    topic = measured.topic
    title = f"{topic.title} (Python {measured.python}):"
    has_peers = len(measured.titles) - len(measured.absent) > 1 and not topic.free_threaded
    if topic.free_threaded:
        return [title, "", *aligned(_threads_rows(measured))]
    return [title, "", *aligned(_peers_rows(measured) if has_peers else _own_rows(measured))]


def _peers_rows(measured: Measured) -> list[list[str]]:
    """One row a figure, one column a program: jeton's cost, then each peer's with its ratio to it."""
    peers = [name for name in measured.titles if name != "jeton" and name not in measured.absent]
    rows = [["", "jeton", "by the clock", *(measured.titles[peer] for peer in peers)]]
    for line in measured.topic.lines:
        ours = measured.cost("jeton", line.figure)
        assert ours is not None
        cells = [_time(ours.cpu), _time(ours.wall)]
        for peer in peers:
            cost = measured.cost(peer, line.figure)
            cells.append(
                f"{_time(cost.cpu)} ({_times(cost.cpu / ours.cpu)})" if cost else measured.failed.get(peer, "")
            )
        rows.append([line.title, *cells])
    return rows


def _own_rows(measured: Measured) -> list[list[str]]:
    rows = [["", "CPU", "by the clock", "ratio"]]
    titles = {line.figure: line.title for line in measured.topic.lines}
    for line in measured.topic.lines:
        cost, beside = measured.own(line.figure), measured.own(line.beside)
        assert cost is not None
        ratio = f"{_times(cost.cpu / beside.cpu)} {titles[line.beside]}" if beside else ""
        rows.append([line.title, _time(cost.cpu), _time(cost.wall), ratio])
    return rows


def _threads_rows(measured: Measured) -> list[list[str]]:
    """How many times as fast two threads are: by the clock, and by their CPU time, as if both cores were free."""
    rows = [["", "one thread", "two", "faster by CPU", "one, by the clock", "two", "faster"]]
    for line in measured.topic.lines:
        two, one = measured.own(line.figure), measured.own(line.beside)
        assert two is not None
        assert one is not None
        rows.append(
            [
                line.title,
                _time(one.cpu),
                _time(two.cpu),
                f"{2 * one.cpu / two.cpu:.2f}x",
                _time(one.wall),
                _time(two.wall),
                f"{one.wall / two.wall:.2f}x",
            ]
        )
    return rows


def _marks(measured: Iterable[Measured]) -> list[str]:
    rows = [["mark", "to reach", "reached", ""]]
    for one in measured:
        for mark in MARKS:
            ours, peer = one.cost("jeton", mark.figure), one.cost(mark.peer, mark.figure)
            if mark.topic != one.topic.name or ours is None or (mark.peer and peer is None):
                continue
            title = next(line.title for line in one.topic.lines if line.figure == mark.figure)
            value = ours.cpu / peer.cpu if peer else ours.cpu
            show = _times if peer else _time
            met = "met" if value <= mark.at_most else "missed"
            beside = f", beside {mark.peer}, {one.python}" if peer else ""
            rows.append([f"{title}{beside}", show(mark.at_most), show(value), met])
        for line in one.topic.lines if one.topic.free_threaded else ():
            two, alone = one.own(line.figure), one.own(line.beside)
            if two and alone:
                faster = 2 * alone.cpu / two.cpu
                rows.append([line.title, f"{TWICE}x", f"{faster:.2f}x", "met" if faster >= TWICE else "missed"])
    return aligned(rows) if len(rows) > 1 else []


def _as_json(measured: Measured) -> dict[str, Any]:
    figures = {
        measured.titles[name]: {figure: measured.cost(name, figure) for figure in runs[0]}
        for name, runs in measured.runs.items()
    }
    return {"topic": measured.topic.name, "python": measured.python, "ns": figures, "failed": measured.failed}


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.3g}x"


def _time(nanoseconds: float) -> str:
    for unit, scale in (("ns", 1), ("µs", 1e3), ("ms", 1e6)):
        if nanoseconds / scale < 999.5:
            return f"{nanoseconds / scale:.3g} {unit}"
    return f"{nanoseconds / 1e9:.2f} s"


if __name__ == "__main__":
    sys.exit(main())
