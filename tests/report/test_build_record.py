"""A recorded build as numbers: lanes that do not overlap, the longest path, cores busy."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from jeton.report.build_record import build_record, cores_busy, curve, running
from jeton.report.durations import spoken
from jeton.report.timings import page
from jeton.trace import BuildOutcome, DidBuild, DidRunStep, Event, Record, StepOutcome, WillRunStep

S = 1_000_000_000


def will(step: int, at: int) -> Record:
    return Record(at * S, 0, WillRunStep(step, "cc", f"CC {step}", "cc", (f"o{step}",), console=False))


def did(step: int, at: int, after: tuple[int, ...] = (), cpu_s: float = 1.0) -> Record:
    event = DidRunStep(step, "cc", f"CC <{step}>", "cc -c", (f"o{step}",), StepOutcome.SUCCEEDED, 0, b"", cpu_s, after)
    return Record(at * S, 0, event)


def test_times_count_from_the_first_step() -> None:
    build = build_record([will(0, 100), did(0, 103)])
    assert (build.spans[0].start_s, build.spans[0].end_s, build.seconds) == (0.0, 3.0, 3.0)


def test_step_that_never_ended_is_left_out() -> None:
    assert [span.step for span in build_record([will(0, 0), will(1, 0), did(1, 1)]).spans] == [1]


def test_lane_is_free_again_when_its_step_has_ended() -> None:
    build = build_record([will(0, 0), will(1, 1), did(0, 2), will(2, 2), did(1, 4), did(2, 5)])
    assert [span.lane for span in build.spans] == [0, 1, 0]
    assert build.lanes == 2


def test_longest_path_follows_what_was_waited_for() -> None:
    events = [will(0, 0), will(1, 0), did(0, 1), did(1, 5), will(2, 5), did(2, 6, after=(0, 1))]
    assert [span.step for span in build_record(events).longest_path] == [1, 2]


@given(
    st.lists(st.tuples(st.integers(1, 5), st.lists(st.integers(0, 20), max_size=3)), min_size=1, max_size=15),
)
def test_longest_path_is_what_a_search_over_all_paths_finds(steps: list[tuple[int, list[int]]]) -> None:
    records: list[Record] = []
    ends: list[int] = []
    after: list[tuple[int, ...]] = []
    for number, (seconds, wanted) in enumerate(steps):
        before = tuple({other for other in wanted if other < number})
        start = max([ends[other] for other in before], default=0)
        ends.append(start + seconds)
        after.append(before)
        records += [will(number, start), did(number, ends[number], before)]

    def longest(number: int) -> int:
        return steps[number][0] + max([longest(other) for other in after[number]], default=0)

    path = build_record(sorted(records, key=lambda record: record.at_ns)).longest_path
    assert round(sum(span.seconds for span in path), 6) == max(longest(number) for number in range(len(steps)))
    assert all(earlier.step in later.after for earlier, later in itertools.pairwise(path))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=20))
def test_no_two_steps_of_a_lane_overlap_and_no_lane_is_wasted(times: list[tuple[int, int]]) -> None:
    records = [record for n, (start, took) in enumerate(times) for record in (will(n, start), did(n, start + took))]
    build = build_record(sorted(records, key=lambda record: (record.at_ns, isinstance(record.event, WillRunStep))))
    for one in build.spans:
        for other in build.spans:
            if one is not other and one.lane == other.lane:
                assert one.end_s <= other.start_s or other.end_s <= one.start_s
    assert build.lanes == max(value for _, value in running(build.spans))


def test_cpu_time_is_spread_over_the_run_of_its_step() -> None:
    build = build_record([will(0, 0), did(0, 4, cpu_s=6.0)])
    assert cores_busy(build.spans) == [(0.0, 1.5), (4.0, 0.0)]


def test_curve_joins_changes_at_one_moment() -> None:
    assert curve([(0, 1), (1, -1), (1, 1), (2, -1)]) == [(0, 1), (1, 1), (2, 0)]


def test_page_escapes_what_steps_are_called() -> None:
    events: list[Record] = [will(0, 0), did(0, 1), Record(S, 0, DidBuild(BuildOutcome.SUCCEEDED, 1))]
    text = page(build_record(events), "a & b")
    assert "a &amp; b" in text
    assert "CC &lt;0&gt;" in text
    assert "CC <0>" not in text


def test_page_of_nothing_is_a_page() -> None:
    nothing: list[Record] = [Record(0, 0, event) for event in list[Event]()]
    assert "0 steps ran" in page(build_record(nothing), "empty")


def test_durations_are_spoken_as_people_do() -> None:
    assert [spoken(seconds) for seconds in (0.04, 9.96, 59.4, 200, 7500)] == [
        "0.0 s",
        "10 s",
        "59 s",
        "3 min 20 s",
        "2 h 5 min",
    ]
