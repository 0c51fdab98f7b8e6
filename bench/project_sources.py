"""Brings a Debian source package onto this machine, and the packages its build needs.

Owns the private apt state (its own source list, index lists and download folder) under one folder, so
that the machine's apt configuration is read but never changed.  The source list is made at run time from
the repositories the machine already uses: no host is named here.  Knows nothing of builds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DISTRIBUTIONS = ("Debian", "Ubuntu")
"""Repositories of these origins have source packages; a vendor's own one beside them may have none."""


class SetupError(Exception):
    """Something the benchmark needs is not there; the message says what to do."""


@dataclass(frozen=True)
class Source:
    """An unpacked source package."""

    directory: Path
    version: str


def run_quietly(command: Sequence[str], *, cwd: Path | None = None) -> str:
    """Run a command and return its standard output; raise SetupError with its last words if it fails."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise SetupError(f"cannot run {command[0]}: {error.strerror}") from error
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-3:]
        raise SetupError(f"{' '.join(command[:2])} failed ({done.returncode}): {' | '.join(words)}")
    return done.stdout


def install_missing(packages: Sequence[str]) -> None:
    """Install those of these packages that are missing, where this user may."""
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return
    if os.geteuid() != 0:
        raise SetupError(f"needs packages; as root: apt-get install {' '.join(missing)}")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    try:
        run_quietly(install)
    except SetupError:
        # An index that is missing or too old names packages that are no longer there.
        run_quietly(["apt-get", "update", "-qq"])
        run_quietly(install)


def _is_installed(package: str) -> bool:
    try:
        status = run_quietly(["dpkg-query", "-W", "-f", "${db:Status-Status}\n", package])
    except SetupError:
        return False
    return "installed" in status.split()


class SourceCache:
    """Unpacked sources under one folder, fetched on first use."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._apt = root / "apt"
        self._updated = False

    def get(self, name: str, package: str) -> Source:
        """Return the unpacked source of a package as NAME/src under the cache folder."""
        home = self._root / name
        directory, stamp = home / "src", home / "version"
        if not (directory.is_dir() and stamp.is_file()):
            home.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(directory, ignore_errors=True)
            description = self._download(package)
            half = home / "src.partial"
            shutil.rmtree(half, ignore_errors=True)
            run_quietly(["dpkg-source", "--no-copy", "-x", str(description), str(half)], cwd=home)
            half.rename(directory)
            stamp.write_text(_version_of(description) + "\n")
        return Source(directory, stamp.read_text().strip())

    def _download(self, package: str) -> Path:
        """Fetch the files of a source package and return its .dsc."""
        folder = self._apt / "download" / package
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if not self._updated:
            self._write_source_list()
            run_quietly(["apt-get", *self._options(), "update", "-qq"])
            self._updated = True
        fetch = ["source", "--only-source", "--download-only", "-qq", package]
        run_quietly(["apt-get", *self._options(), *fetch], cwd=folder)
        descriptions = sorted(folder.glob("*.dsc"))
        if len(descriptions) != 1:
            raise SetupError(f"apt-get source {package} left {len(descriptions)} .dsc files, not one")
        return descriptions[0]

    def _write_source_list(self) -> None:
        for folder in ("lists/partial", "cache/archives/partial", "parts"):
            (self._apt / folder).mkdir(parents=True, exist_ok=True)
        lines = _source_lines()
        if not lines and os.geteuid() == 0:
            # The origin of a repository is known only once its index has been fetched.
            run_quietly(["apt-get", "update", "-qq"])
            lines = _source_lines()
        if not lines:
            raise SetupError("apt knows no Debian repository; as root: apt-get update")
        (self._apt / "sources.list").write_text("".join(f"{line}\n" for line in lines))

    def _options(self) -> list[str]:
        settings = {
            "Dir::Etc::sourcelist": self._apt / "sources.list",
            "Dir::Etc::sourceparts": self._apt / "parts",
            "Dir::State::lists": self._apt / "lists",
            "Dir::Cache": self._apt / "cache",
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
        }
        if os.geteuid() == 0:
            # apt's own user may not be able to enter the cache folder.
            settings["APT::Sandbox::User"] = "root"
        return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _source_lines() -> list[str]:
    """Return a deb-src line for every distribution repository that the machine takes packages from."""
    if shutil.which("apt-get") is None:
        raise SetupError("the projects come from Debian source packages, and this machine has no apt-get")
    wanted = "$(ORIGIN)|deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = run_quietly(["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"])
    found = (line.partition("|") for line in targets.splitlines())
    return sorted({line for origin, _, line in found if origin in DISTRIBUTIONS})


def _version_of(description: Path) -> str:
    match = re.search(r"^Version: *(\S+)", description.read_text(errors="replace"), re.MULTILINE)
    return match[1] if match else "unknown"
