"""A coverage-guided fuzz of the MAKEFLAGS parser, for `scripts/fuzz`. The same promises are tested by hypothesis.

Run as a program it takes libFuzzer's arguments. It ends at the first text for which parsing raises, or for which a pool
that is said is not read back.
"""

import sys

import atheris

with atheris.instrument_imports():
    from jeton.jobserver.flags import PipeAuth, parse, with_auth


def one_text(data: bytes) -> None:
    """Hold the promises for one text."""
    text = data.decode(errors="surrogateescape")
    parse(text)
    said = with_auth(text, PipeAuth(7, 8), 3)
    flags = parse(said)
    if (flags.auth, flags.jobs) != (PipeAuth(7, 8), 3):
        raise AssertionError(f"{text!r} became {said!r}, which reads as {flags}")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_text)
    atheris.Fuzz()
