"""One spelling per path. Pure: works on text, never asks the file system."""


def canonical(path: str) -> str:
    """Return the path without `.`, `..`, doubled and trailing slashes, as far as text alone tells.

    Leading `..` stay. The result of a path that leads nowhere (`a/..`) is `.`. Raises ValueError for an empty path.
    """
    if not path:
        raise ValueError("empty path")
    if "./" not in path and "//" not in path and path[-1] not in "/.":
        return path  # by far the most
    kept: list[str] = []
    for part in path.split("/"):
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif part == ".." and path[0] == "/" and not kept:
            continue  # the root is its own parent
        elif part not in ("", "."):
            kept.append(part)
    if path[0] == "/":
        return "/" + "/".join(kept)
    return "/".join(kept) or "."
