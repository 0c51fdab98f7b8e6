"""What to do in a folder without a manifest. Pure but for looking which files are there."""

from pathlib import Path

_MAKERS = (
    ("CMakeLists.txt", "cmake -S . -B build -G Ninja && jeton build -C build"),
    ("meson.build", "meson setup build && jeton build -C build"),
    ("configure.py", "python3 configure.py && jeton build"),
    ("Cargo.toml", "jeton jobserver -- cargo build"),
    ("Makefile", "jeton jobserver -- make"),
)


def without_manifest(manifest: str) -> str | None:
    """Return a line that says how to get what can be built; None where the manifest is there."""
    if Path(manifest).exists():
        return None
    built = [path.parent for path in sorted(Path().glob("*/build.ninja"))]
    if built:
        return f"{manifest}: no such file; there is one in {built[0]}: jeton build -C {built[0]}"
    for source, command in _MAKERS:
        if Path(source).exists():
            return f"{manifest}: no such file; {source} is here, so make one first: {command}".replace(
                "make one first: jeton jobserver", "build with: jeton jobserver"
            )
    return f"{manifest}: no such file; name it with -f, or its folder with -C"
