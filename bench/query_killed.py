"""What is left of a query engine's store when processes are killed at random moments: nothing wrong, nothing lost.

Each process edits an input, computes, and saves as its engine closes, without rest; the kill comes at any moment of
that. Then the store is opened as the next process does, all results are compared with a plain evaluation, and all that
is remembered is computed again and compared (verify=1.0). `--kills N` is how many, `--seed N` which moments.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

# Run as a script, from any folder; a jeton that is named by PYTHONPATH comes first.
sys.path.extend(str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "src"))

from tests.query.persist.loops import Loop, last_of


def killed(folder: Path, number: int, drawn: random.Random) -> Counter[str]:
    """Start a process on the folder, kill it, and count what is found."""
    loop = Loop(folder, number)
    with loop.running() as process:
        assert process.stdout is not None
        # Until it has saved so often, then busily for a part of a turn: time on a clock would find the same moments.
        said = b"".join(process.stdout.readline() for _ in range(drawn.randrange(4)))
        for _ in range(drawn.randrange(100_000)):
            pass
        process.kill()
        said += process.stdout.read()
    found = loop.look(last_of(said))
    for line in (*found.wrong, *found.warnings):
        print(f"kill {number}: {line}", file=sys.stderr)
    return Counter(
        {
            "kills": 1,
            "saves that had ended": said.count(b"\n"),
            "states lost": found.lost,
            "wrongly believed": len(found.wrong),
            "files set aside": sum("set aside" in line for line in found.warnings),
        }
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    drawn = random.Random(options.seed)
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="jeton-bench") as folder:
        for number in range(options.kills):
            total += killed(Path(folder), number, drawn)
    for name in ("kills", "saves that had ended", "states lost", "wrongly believed", "files set aside"):
        print(f"{name:24} {total[name]:6}")


if __name__ == "__main__":
    main()
