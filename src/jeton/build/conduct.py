"""A plan on the runtime. Owns the scheduler, the pool and the signals of one run; not what a step is."""

import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from jeton.build.admission import Admission
from jeton.build.command import ShellRunner
from jeton.build.execute import Execution
from jeton.build.graph import BuildError
from jeton.build.options import Options
from jeton.build.orphans import mark
from jeton.jobserver import Pool, PoolUnusable, open_pool_or_one_slot
from jeton.runtime import Scope, SlotQueue, current_scheduler, run

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def conduct(
    execute: Callable[[ShellRunner, SlotQueue, Admission | None], Execution],
    folder: Path,
    options: Options,
    environ: Mapping[str, str],
    warn: Callable[[str], None],
    admission: Admission | None,
) -> tuple[Execution, int]:
    """Run an execution in the build folder `folder`, under the pool that the options ask for.

    Returns it and the number of the signal that stopped it, or 0. A signal of `_STOPPING` cancels everything; the
    steps' children get SIGINT. Raises BuildError where the graph or the pool turns out to be unusable on the way.
    """
    pool = _open_pool(options, environ, warn)
    try:
        slots = SlotQueue(pool)
        started = None if admission is None else admission.started
        execution = execute(ShellRunner(pool, {**environ, **mark(folder)}, started), slots, admission)
        return execution, run(_run_until_signal, execution)
    except BaseExceptionGroup as group:
        raise _first_reason(group) from None
    except PoolUnusable as error:
        raise BuildError(str(error)) from None
    finally:
        pool.close()


async def _run_until_signal(execution: Execution) -> int:
    caught: list[int] = []
    loop = current_scheduler().loop
    with ExitStack() as undo:
        async with Scope() as scope:
            for signum in _STOPPING:
                if signal.getsignal(signum) is signal.SIG_IGN:
                    continue  # whoever started us wants it ignored: nohup(1), a shell's background job
                undo.callback(loop.watch_signal(signum, partial(_stop, scope, caught, signum)))
            await execution.run()
    return caught[0] if caught else execution.interrupted_by


def _stop(scope: Scope, caught: list[int], signum: int) -> None:
    caught.append(signum)
    scope.cancel()


def _open_pool(options: Options, environ: Mapping[str, str], warn: Callable[[str], None]) -> Pool:
    try:
        return open_pool_or_one_slot(options.jobs, environ, warn)
    except ValueError as error:
        raise BuildError(str(error)) from None


def _first_reason(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one error that a person should read, out of what several tasks ended with."""
    reason = group.exceptions[0]
    while isinstance(reason, BaseExceptionGroup):
        reason = reason.exceptions[0]
    return BuildError(str(reason)) if isinstance(reason, PoolUnusable) else reason
