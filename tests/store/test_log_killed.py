"""Covers real processes: writers that are killed, and a reader beside a writer."""

from random import Random

from tests.store.children import SALT, Child
from tests.store.conftest import Logs

from jeton.store import Log

APPEND = """
import os, sys
from pathlib import Path
from jeton.store import Log
log = Log(Path(sys.argv[1]), salt="a reader 1", warn=lambda line: os.write(1, line.encode() + b"\\n"))
first = len(log.payloads)
for number in range(first, first + int(sys.argv[2])):
    log.append(b"%d " % number * (number % 50 + 1))
    os.write(1, b"%d\\n" % number)
"""

REWRITE = """
import os, sys
from pathlib import Path
from jeton.store import Log
log = Log(Path(sys.argv[1]), salt="a reader 1", warn=lambda line: os.write(1, line.encode() + b"\\n"))
turn = 0
while True:
    turn += 1
    log.rewrite([b"%d" % turn] * 400)
    log.append(b"%d" % turn)
    os.write(1, b"%d\\n" % turn)
"""


def record(number: int) -> bytes:
    return b"%d " % number * (number % 50 + 1)


def test_every_record_whose_append_returned_outlives_a_killed_writer(logs: Logs) -> None:
    """The writers come one after another, each going on where the killed one was.

    writer: append 0, say 0, append 1, say 1, ...      killed at any moment
    test:             hear 0,  hear 1, ... enough: kill, read the rest of what was said, open the log
    """
    random = Random(1)
    expected = 0
    for _ in range(8):
        with Child(APPEND, logs.path, "1000000") as writer:
            said = [int(writer.says()) for _ in range(random.randrange(1, 200))]
            writer.kill()
            said += map(int, writer.rest())
        assert said == list(range(expected, said[-1] + 1)), "the writer found all that was there"
        found = logs.found()
        assert found == [record(number) for number in range(len(found))]
        assert said[-1] < len(found) <= said[-1] + 2  # one may have been written and not yet said
        expected = len(found)
    assert logs.warnings == []


def test_a_rewrite_killed_at_any_moment_leaves_the_old_records_or_the_new_ones(logs: Logs) -> None:
    random = Random(2)
    for _ in range(40):
        logs.path.unlink(missing_ok=True)
        with Child(REWRITE, logs.path) as writer:
            for _ in range(random.randrange(1, 20)):
                last = int(writer.says())
            writer.kill()
            last = max([last, *map(int, writer.rest())])
        turns = [int(payload) for payload in logs.found()]
        assert len(turns) in {400, 401}
        assert set(turns) in ({last}, {last + 1})
    assert logs.warnings == []


def test_reading_beside_a_writer_finds_a_beginning_of_its_records(logs: Logs) -> None:
    longest = 0
    with Child(APPEND, logs.path, "300") as writer:
        while longest < 300:
            ended = writer.ended  # asked before reading: what is found after its end is all there is
            found = Log.read(logs.path, salt=SALT)
            assert found == [record(number) for number in range(len(found))]
            assert len(found) >= longest
            longest = len(found)
            assert longest == 300 or not ended
