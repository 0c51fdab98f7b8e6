"""Running a query and keeping what came of it. Owns what a result is, when it counts as unchanged, and its reads."""

from types import CoroutineType
from typing import Any

from jeton.query import cycle, recent
from jeton.query.core import Core
from jeton.query.definition import INPUT, Key, Query
from jeton.query.errors import Cancelled, MisuseError, WorkerDiedError
from jeton.query.node import ABSENT, GREEN, HOLLOW, LAZY, Failure, Frame, Node, Told, Trace
from jeton.query.settle import settle
from jeton.store.fingerprint import digest

NO_RESULTS = (RecursionError, MemoryError, WorkerDiedError)
"""Exceptions that say nothing of the query, but of where it ran."""


def run(core: Core, frame: Frame, why: Node | str) -> None:
    """Run the query of a claimed node and settle it. Raises what is no result: Cancelled, Retreat, transient errors."""
    node = frame.node
    assert node is not None
    query = node.query
    call, key = query.call, node.key
    frame.ran = True
    while True:
        failure: Exception | None = None
        value: Any = None
        try:
            if query.kind is INPUT:
                value = load(node)
            elif query.options.offload and core.offloads:
                value = core.asks.offloaded(frame, node)
            else:
                value = call(frame, key)
        except Exception as error:  # noqa: BLE001  an exception is a result
            failure = error
        if finish(core, frame, value, failure, why):
            return


def finish(core: Core, frame: Frame, value: Any, failure: Exception | None, why: Node | str) -> bool:
    """Settle the node by what its query came to; False where it is to run another round. Raises what is no result."""
    node = frame.node
    assert node is not None
    if frame.doom is not None or frame.session.over:
        if frame.doom is None:
            raise Cancelled
        if frame.ring is None or frame.ring.error is None:
            raise frame.doom
        value = cycle.outcome(frame)
    elif type(value) is CoroutineType:
        value.close()
        value = Failure(MisuseError(f"{node!r}: gave a coroutine that was not awaited; db.wait for it, or await it"))
    elif failure is not None:
        if isinstance(failure, (*NO_RESULTS, *node.query.options.transient)):
            raise failure
        _note_place(node, failure)
        value = Failure(failure)
    if frame.ring is not None:
        value = cycle.conclude(core, frame, value)
        if value is ABSENT:
            return False
    keep(core, frame, value, why)
    return True


def _note_place(node: Node, error: Exception) -> None:
    """Add a note where the error came from, once: its traceback is not kept, for that would keep all that ran."""
    trace = error.__traceback__
    if (
        trace is None
        or node.query.name.startswith(_OWN)
        or any(note.startswith(_NOTE) for note in getattr(error, "__notes__", ()))
    ):
        return
    while trace.tb_next is not None:
        trace = trace.tb_next
    error.add_note(f"{_NOTE}{node!r}: {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")


_NOTE = "raised in "
_OWN = "jeton.query."


def load(node: Node) -> Any:
    """Return an input's value from its loader, and note the stamp. Raises what the loader does."""
    value, node.stamp = look(node.query, node.key)
    if type(value) is Failure:
        raise value.error
    return value


def look(query: Query, key: Key) -> tuple[Any, Any]:
    """Return what an input's loader gives, maybe a failure, and its stamp, None for none.

    The stamp is taken before, so that a later change is not missed; where the loader fails there is none.
    """
    take = query.options.stamp
    try:
        stamp = query.apply(take, key) if take is not None else None
        return query.apply(query.function, key), stamp
    except Exception as error:  # noqa: BLE001  an exception is a result
        return Failure(error), None


def has_stamp(query: Query, key: Key, stamp: Any) -> bool:
    """Tell whether an input's stamp is still this one. None is never, and nor is one that cannot be taken."""
    take = query.options.stamp
    if take is None or stamp is None:
        return False
    try:
        return bool(query.apply(take, key) == stamp)
    except Exception:  # noqa: BLE001  the loader meets it again, and it is the input's failure
        return False


def keep(core: Core, frame: Frame, value: Any, why: Node | str) -> None:
    """Write the result into the node and settle it. The frame has the claim."""
    node = frame.node
    assert node is not None
    reads, trace = _record(frame)
    now = frame.session.revision
    frame.was_known = node.changed_at != 0
    changed = node.changed_at == 0 or not _is_unchanged(frame, node, value)
    before, node.reads = node.reads, reads
    node.trace = trace
    node.value = value
    node.known = None
    if changed:
        node.changed_at = now
        if frame.before is GREEN or frame.before is HOLLOW:
            _is_not_as_remembered(core, node)
    node.verified_at = now
    node.why = why
    node.unsaved = True
    if before and before != reads and before is not LAZY:
        kept = set(reads)
        for read in before:
            if read not in kept:
                read.readers.discard(node)
    below = 0
    for read in reads:
        read.readers.add(node)
        below |= read.below
    if below or trace is not None or node.below:
        hear(core, node)
    query = node.query
    if query.kind is INPUT or query.options.volatile or frame.tainted:
        _note(core, frame, node)
    if frame.ring is not None or frame.heads is not None:
        cycle.close(core, frame)
    else:
        settle(node, GREEN)
    if query.options.lru is not None:
        recent.touch(core, node)


def hear(core: Core, node: Node) -> None:
    """Note which effects were told by a node and by those that it read, which are settled."""
    bits = 0
    loud: tuple[int, ...] = ()
    for read in node.reads:
        bits |= read.below
    if bits:
        loud = tuple(at for at, read in enumerate(node.reads) if read.below)
    if node.trace is not None:
        for told in node.trace.told:
            bits |= core.bit(told.effect.name)
    if bits != node.below or loud != node.loud:
        node.below, node.loud = bits, loud
        node.unsaved = True


def _note(core: Core, frame: Frame, node: Node) -> None:
    with core.notes:
        if node.query.kind is INPUT:
            core.inputs[node] = None
        if node.query.options.volatile:
            core.volatile[node] = None
        if frame.tainted:
            core.tainted[node] = None


def release(core: Core, frame: Frame) -> None:
    """Give up a claim without a result: the node is what it was before, or at least nothing that could be believed."""
    node = frame.node
    assert node is not None
    if frame.ring is not None:
        cycle.abandon(core, frame)
    settle(node, frame.before)


def _record(frame: Frame) -> tuple[tuple[Node, ...], Trace | None]:
    """Return what was read, each once in the order of demand, and the rest of the trace in the same numbering."""
    reads = tuple(dict.fromkeys(frame.reads)) if frame.reads else ()
    if frame.spans is None and frame.told is None:
        return reads, None
    at: list[int] = [0]  # how many different ones were read before each demand
    seen: set[Node] = set()
    for read in frame.reads:
        seen.add(read)
        at.append(len(seen))
    spans = tuple((at[start], at[end]) for start, end in frame.spans or () if at[end] - at[start] > 1)
    told = tuple(Told(at[one.after], one.effect, one.value) for one in frame.told or ())
    return reads, Trace(spans, told)


def _is_unchanged(frame: Frame, node: Node, value: Any) -> bool:
    """Tell whether the result is the one before.

    Effects do not count: whoever reads the value does not see them, and whoever wants them walks the reads.
    """
    old = node.value
    if old is ABSENT:
        known = node.known
        if frame.before is HOLLOW:  # nothing that it read has changed, and it depends on nothing else
            return known is None or fingerprint_of(value) in (known, None)
        return known is not None and fingerprint_of(value) == known
    return node.agrees(old, value)


def _is_not_as_remembered(core: Core, node: Node) -> None:
    """Deal with a node that is believed, and now gave something else: an input that has changed since, or a mistake.

    Who read it in this revision may have seen either value. So it counts as changed after this revision, and is looked
    at again at the next refresh, which then reaches them all.
    """
    node.changed_at += 1
    with core.notes:
        core.volatile[node] = None
    by_another = any(read.changed_at >= node.changed_at for read in node.reads)
    if node.query.kind is not INPUT and not by_another:
        core.report(f"{node!r}: gave another value though nothing that it read has changed; is it volatile?")


def fingerprint_of(value: Any) -> bytes | None:
    """Return the fingerprint of a value, or of a failure by its type and arguments; None where there is none."""
    if type(value) is Failure:
        kind = type(value.error)
        value = ("failure", kind.__module__, kind.__qualname__, value.error.args)
    try:
        return digest(value)
    except (TypeError, ValueError):
        return None
