"""`pytest -n 8 --jeton-slots`: no more tests at once than the pool has slots. Owns the option and pytest's hooks.

Without the option (or `jeton_slots = true` in the configuration) nothing is imported and no hook does anything.

The rule: *pytest's controller is the client of the pool, its workers borrow from it.* pytest-xdist's workers inherit
no descriptors, so that they could not join a pool in pipe style; and none of them has an implicit slot, because nobody
paid for it. The controller has one, and does next to nothing while they run. So it lends them all slots that it can
get, the implicit one first, over a socket of its own (`jeton.jobserver.lender`):

- with a pool of one slot, the workers run one test at a time: there is always the implicit slot;
- the slot of a worker that is killed comes back with the end of its connection;
- the controller waits for tokens in one queue, by one thread, however many workers there are.

A slot is held for one test, from the first setup to the last teardown, and once more for collecting. Held for a whole
file it would keep a build beside it waiting for longer, and would save little: to borrow one takes some 100 µs.

A single process (no -n, or -n0) runs one test at a time on the implicit slot that it has: there is nothing to do.

The other thing that is offered here is the fixture `explore_threads`: `jeton.testing.explore`, whose number of
schedules `--jeton-schedules` scales for a whole run of tests.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from jeton.jobserver.client import Client
    from jeton.jobserver.lender import Borrower, Lender
    from jeton.testing import Explorer

_KEY = "jeton_slots"
_NAME = "jeton-slots"
_USUAL_SCHEDULES = 1000
"""As many as `jeton.testing.explore` runs unless it is told otherwise."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting."""
    parser.getgroup("jeton").addoption(
        "--jeton-slots",
        action="store_true",
        default=False,
        help="run no more tests at once than the pool of job tokens allows (make -j, jeton jobserver)",
    )
    parser.getgroup("jeton").addoption(
        "--jeton-schedules",
        type=_at_least_one,
        default=_USUAL_SCHEDULES,
        metavar="N",
        help="explore N schedules where a test asks explore_threads for 1000, and in proportion elsewhere",
    )
    parser.addini(_KEY, "as --jeton-slots", type="bool", default=False)


@pytest.fixture(scope="session")
def explore_threads(request: pytest.FixtureRequest) -> "Explorer":
    """Run a program of threads in many schedules: `jeton.testing.explore`, scaled by --jeton-schedules."""
    from jeton.testing import Explorer  # noqa: PLC0415  costs time, and most test runs never ask for it

    return Explorer(request.config.getoption("jeton_schedules") / _USUAL_SCHEDULES)


def pytest_configure(config: pytest.Config) -> None:
    """Take part, where it is asked for: as the one that lends, or as a worker that borrows."""
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    if workerinput is not None:
        if _KEY in workerinput:
            config.pluginmanager.register(_worker(workerinput[_KEY]), _NAME)
    elif config.getoption("jeton_slots") or config.getini(_KEY):
        config.pluginmanager.register(_controller(), _NAME)


def _at_least_one(text: str) -> int:
    """Return the number. Raises ValueError, which argparse tells, where it is no number of schedules."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _controller() -> "_Controller":
    from jeton.jobserver.client import Client  # noqa: PLC0415  costs time, and most test runs never ask for it
    from jeton.jobserver.errors import PoolUnusable, Unusable  # noqa: PLC0415  likewise

    try:
        return _Controller(Client.from_env(os.environ))
    except PoolUnusable as error:
        if error.reason is not Unusable.NOT_NAMED:
            raise pytest.UsageError(f"--jeton-slots: {error}") from None
    return _Controller(None)


def _worker(path: str) -> "_Worker":
    from jeton.jobserver.lender import Borrower  # noqa: PLC0415  costs time, and most test runs never ask for it

    return _Worker(Borrower(path))


class _Controller:
    """The hooks of the process that is in the pool. `client` is None where no pool is named."""

    def __init__(self, client: "Client | None") -> None:
        self._client = client
        self._lender: Lender | None = None  # comes with the first worker

    def pytest_report_header(self) -> str:
        """Say whether there is a pool."""
        if self._client is None:
            return "jeton: no pool of job tokens is named, so tests hold no slots"
        return f"jeton: each test holds a slot, in a pool of {self._client.jobs}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist where to borrow, unless it is on another machine."""
        from jeton.jobserver.lender import Lender  # noqa: PLC0415  needed with workers only

        if self._client is not None and node.gateway.spec.popen:
            self._lender = self._lender or Lender(self._client)
            node.workerinput[_KEY] = self._lender.path

    def pytest_unconfigure(self) -> None:
        """Return everything."""
        if self._lender is not None:
            self._lender.close()
        if self._client is not None:
            self._client.close()


class _Worker:
    """The hooks of a worker."""

    def __init__(self, borrower: "Borrower") -> None:
        self._borrower = borrower

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Iterator[None]:
        """Hold a slot while tests are looked for."""
        with self._slot():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        """Hold a slot while a test runs, with all of its setup and teardown."""
        with self._slot():
            return (yield)

    def pytest_unconfigure(self) -> None:
        """Go."""
        self._borrower.close()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        taken = self._borrower.take()
        try:
            yield
        finally:
            if taken:
                self._borrower.give()
