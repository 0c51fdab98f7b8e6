"""Makes a program again whenever one of its files changes. Owns how a change is noticed, and what is told of it."""

import time
from typing import NoReturn

from examples.compiler.making import Maker, Wishes

_INTERVAL = 0.2
"""Seconds between two looks. A look takes a stat of each file, and of each place where one is missing."""


def watch(maker: Maker, wishes: Wishes) -> NoReturn:
    """Make the program for ever. A module that an import misses is looked for as the others are."""
    while True:
        began = time.perf_counter()
        made = maker.make(wishes)
        took = time.perf_counter() - began
        state = "up to date" if made else "waiting for a change"
        maker.say(f"{wishes.root}: {state}, {took:.2f} s; ran {_ran(maker)}")
        while not maker.engine.refresh():
            time.sleep(_INTERVAL)


def _ran(maker: Maker) -> str:
    """Name the queries that ran, and how often each of them did."""
    ran = sorted((one.query.rpartition(":")[2], one.runs) for one in maker.engine.statistics() if one.runs)
    return ", ".join(f"{runs} {name}" for name, runs in ran) or "nothing"
