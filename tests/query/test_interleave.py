"""Covers what threads may do in another order, under the model checker: each scenario in hundreds of schedules."""

from collections.abc import Callable

import pytest
from tests.query import interleaved
from tests.query.interleaved import all_at_once, fresh, level

from jeton.query import Cancelled
from jeton.testing import Explorer

pytestmark = pytest.mark.concurrency

SCENARIOS = [
    interleaved.two_ask_for_one,
    interleaved.two_ask_after_a_change,
    interleaved.a_failure_wakes_all,
    interleaved.who_waits_takes_over_from_a_transient_failure,
    interleaved.two_close_a_ring,
    interleaved.three_close_a_ring,
    interleaved.two_enter_a_fixpoint,
    interleaved.a_map_with_a_helper,
    interleaved.two_maps_that_share,
    interleaved.helpers_that_help_into_a_ring,
    interleaved.a_cancel_beside_two,
    interleaved.a_set_beside_two,
    interleaved.two_sets_at_once,
    interleaved.a_cancel_beside_a_map,
    interleaved.a_close_beside_a_map,
    interleaved.two_push_values_out,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_it_holds_in_every_order(scenario: Callable[[], None], explore_threads: Explorer) -> None:
    explore_threads(scenario, schedules=200)


def test_cancelled_is_what_a_stale_db_raises_in_every_order(explore_threads: Explorer) -> None:
    def scenario() -> None:
        with fresh() as engine:
            db = engine.begin()
            level(db)

            def ask() -> int:
                return level(db)

            found = all_at_once(ask, lambda: engine.set(level.at(), 5))
            assert found[0] in (1, "Cancelled")
            with pytest.raises(Cancelled):
                level(db)

    explore_threads(scenario, schedules=500)
