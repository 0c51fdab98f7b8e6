"""The real projects that bench/real_projects.py builds: where they come from and how they are configured.

Owns the table and nothing else.  Knows no package manager, no build tool's command line beyond the
configure options a project needs, and nothing about measuring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Configurer = Literal["cmake", "meson"]

COMMON_PACKAGES = ("dpkg-dev", "gcc", "g++", "pkg-config", "patch", "xz-utils")
"""What unpacking and compiling any of the projects needs."""


@dataclass(frozen=True)
class Project:
    """One project: a Debian source package and the way to configure it."""

    name: str
    package: str
    """The Debian source package."""
    configurer: Configurer
    options: tuple[str, ...]
    """What the configure step is given beyond the directories and the generator."""
    packages: tuple[str, ...]
    """Binary packages the build needs beyond COMMON_PACKAGES."""
    header: str
    """A central header, relative to the source tree: touching it rebuilds a good part of the project."""
    products: tuple[str, ...]
    """Files, relative to the build directory, that a finished build must have left."""
    default: bool = True
    """Whether it is built when no project is named."""


PROJECTS = (
    Project(
        name="mbedtls",  # C; over 500 steps, 200 of them run scripts that write sources or link data files
        package="mbedtls",
        configurer="cmake",
        options=("-DCMAKE_BUILD_TYPE=Debug",),
        packages=("cmake", "perl", "python3"),
        header="tests/include/test/helpers.h",
        products=("library/libmbedtls.a", "tests/test_suite_rsa", "programs/ssl/ssl_client2"),
    ),
    Project(
        name="glib",  # C; generated headers, some of them left alone when their text stays the same
        package="glib2.0",
        configurer="meson",
        options=(
            "--buildtype=debug",
            "--wrap-mode=nodownload",
            "-Dselinux=disabled",
            "-Dlibelf=disabled",
            "-Dsysprof=disabled",
            "-Dnls=disabled",
            "-Dxattr=false",
            "-Dtests=false",
        ),
        packages=("libffi-dev", "libmount-dev", "libpcre2-dev", "zlib1g-dev"),
        header="gio/gioenums.h",
        products=("gio/libgio-2.0.so", "gobject/libgobject-2.0.so", "gio/gdbus"),
    ),
    Project(
        name="curl",  # C; small: what a tool costs by itself weighs most here
        package="curl",
        configurer="cmake",
        options=("-DCMAKE_BUILD_TYPE=Debug",),
        packages=("cmake", "perl", "libssl-dev", "zlib1g-dev"),
        header="lib/urldata.h",
        products=("src/curl",),
    ),
    Project(
        name="abseil",  # C++; few long steps, many headers behind each
        package="abseil",
        configurer="cmake",
        options=("-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_STANDARD=17"),
        packages=("cmake",),
        header="absl/strings/string_view.h",
        products=("absl/strings/libabsl_strings.a",),
        default=False,
    ),
)


def chosen(names: list[str]) -> list[Project]:
    """Return the projects of these names, the default ones for no name, every one for "all"."""
    if not names:
        return [project for project in PROJECTS if project.default]
    return [project for project in PROJECTS if project.name in names or "all" in names]
