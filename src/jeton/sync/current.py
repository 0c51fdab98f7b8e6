"""Which primitives are in force here. Owns the context variable and its default."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from jeton.sync.ordered import ORDERED
from jeton.sync.primitives import Primitives
from jeton.sync.threads import THREADS

_DEFAULT: Primitives = ORDERED if os.environ.get("JETON_LOCK_ORDER") == "1" else THREADS
_CURRENT: ContextVar[Primitives] = ContextVar("jeton.sync", default=_DEFAULT)


def primitives() -> Primitives:
    """Return what is in force in this context. Look it up once per object and keep it: the lookup is not free."""
    return _CURRENT.get()


@contextmanager
def using(replacement: Primitives) -> Iterator[Primitives]:
    """Put other primitives into force until the block ends. Threads that are started in it may see the default."""
    token = _CURRENT.set(replacement)
    try:
        yield replacement
    finally:
        _CURRENT.reset(token)
