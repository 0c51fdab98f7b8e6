"""`deps = msvc`: the lines of /showIncludes in a command's output. Pure: text to paths and the rest of the text."""

import re

_ENGLISH = "Note: including file:"
_SOURCE = re.compile(rb"[^/\\:*?\"<>|]+\.(?:c|cc|cxx|cpp|c\+\+)", re.IGNORECASE)


def without_includes(output: bytes, prefix: str) -> tuple[bytes, list[str]]:
    """Split the output into what a person should read and the headers that the compiler named.

    Headers of the system (under "program files" or "microsoft visual studio") and the echo of the source's own
    name are dropped.
    """
    marker = (prefix or _ENGLISH).encode()
    kept: list[bytes] = []
    includes: dict[str, None] = {}
    for line in output.splitlines(keepends=True):
        if line.startswith(marker):
            path = line[len(marker) :].strip().decode(errors="surrogateescape").replace("\\", "/")
            lowered = path.lower()
            if "program files" not in lowered and "microsoft visual studio" not in lowered:
                includes[path] = None
        elif not _SOURCE.fullmatch(line.rstrip(b"\r\n")):
            kept.append(line)
    return b"".join(kept), list(includes)
