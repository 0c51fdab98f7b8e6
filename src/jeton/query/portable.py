"""Small values as bytes, for names and extras of facts. Owns the choice of form; knows nothing of what they are.

`marshal` where it can, which is fastest (a bytearray comes back as bytes), else `pickle`. Both are read only from files
that are checksummed and are the user's own; whoever can write those can run programs as the user anyway.
"""

import marshal
import pickle
from typing import Any

_MARSHAL, _PICKLE = b"m", b"p"


def dumps(value: Any) -> bytes:
    """Return the value as bytes. Raises pickle.PicklingError and what pickling raises."""
    try:
        return _MARSHAL + marshal.dumps(value)
    except ValueError:
        return _PICKLE + pickle.dumps(value, 5)


def loads(data: bytes) -> Any:
    """Return the value again. Raises what unpickling raises."""
    if data[:1] == _MARSHAL:
        return marshal.loads(data[1:])  # noqa: S302  see above
    return pickle.loads(data[1:])  # noqa: S301  see above
