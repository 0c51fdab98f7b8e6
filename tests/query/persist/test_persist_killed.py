"""Covers processes that are killed at any moment: what they saved is there, and nothing else is believed."""

import random
from pathlib import Path

from tests.query.persist.loops import Loop, last_of

KILLS = 50


def test_a_kill_at_any_moment_loses_no_finished_save_and_nothing_wrong_is_believed(tmp_path: Path) -> None:
    drawn = random.Random(1)
    for kill in range(KILLS):
        loop = Loop(tmp_path, kill)
        with loop.running() as process:
            assert process.stdout is not None
            # Wait for some saves, then busily for a part of a turn: the kill comes anywhere in it.
            said = b"".join(process.stdout.readline() for _ in range(drawn.randrange(1, 3)))
            for _ in range(drawn.randrange(60_000)):
                pass
            process.kill()
            said += process.stdout.read()
        found = loop.look(last_of(said))
        assert found.wrong == [], kill
        assert not found.lost, kill
        assert found.warnings == [], kill
