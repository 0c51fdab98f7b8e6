"""Which pool this process uses: the one that it was started in, or one of its own. Owns that choice.

The order: an own -j opens a pool; else CARGO_MAKEFLAGS, MAKEFLAGS and MFLAGS, the first that names a usable pool; else
the global pool that JETON_POOL names; else a pool of one's own. A pool that is named and cannot be used is told of
where nothing usable is named beside it.
"""

from collections.abc import Callable, Mapping

from jeton.jobserver.errors import PoolUnusable
from jeton.jobserver.flags import parse
from jeton.jobserver.invitation import POOL_VARIABLE, VARIABLES
from jeton.jobserver.joined_pool import JoinedPool
from jeton.jobserver.machine import default_jobs
from jeton.jobserver.own_pool import OwnPool
from jeton.jobserver.pool import Pool


def open_pool(jobs: int | None, environ: Mapping[str, str]) -> Pool:
    """Join the pool that `environ` names, unless `jobs` asks for one of its own.

    An own -j wins over an inherited pool, as with make. Without either, the pool has `default_jobs()` slots.
    Raises PoolUnusable where a pool is named and cannot be used, ValueError for `jobs` out of range.
    """
    if jobs is None:
        joined = join_pool(environ)
        if joined is not None:
            return joined
    return OwnPool(default_jobs() if jobs is None else jobs)


def open_pool_or_one_slot(jobs: int | None, environ: Mapping[str, str], warn: Callable[[str], None]) -> Pool:
    """Do as `open_pool`, but where a pool is named and cannot be used, warn and go on with a pool of one slot.

    That is what make does: it keeps to any bound that the other pool may have set.
    """
    try:
        return open_pool(jobs, environ)
    except PoolUnusable as error:
        warn(f"{error}; going on with one job at a time")
        return OwnPool(1)


def join_pool(environ: Mapping[str, str]) -> Pool | None:
    """Join the pool that `environ` names; None where it names none. Raises PoolUnusable with the reason."""
    failure: PoolUnusable | None = None
    for variable in VARIABLES:
        flags = parse(environ.get(variable, ""))
        if flags.auth is None:
            continue
        try:
            return JoinedPool(flags)
        except PoolUnusable as error:
            failure = failure or PoolUnusable(f"{variable}: {error.place}", error.reason)
    path = environ.get(POOL_VARIABLE)
    if path:
        from jeton.jobserver.desk.pool import DeskPool  # noqa: PLC0415  sockets and JSON, for a global pool alone

        try:
            return DeskPool(path)
        except PoolUnusable as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return None
