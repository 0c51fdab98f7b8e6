"""Programs that expect ninja call jeton-ninja: CMake, Meson, and what they do on their own when a project changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.peer

SRC = Path(__file__).parents[2] / "src"
LIBRARY = "int answer(void) { return 42; }\n"
PROGRAM = '#include "answer.h"\n#include <stdio.h>\nint main(void) { printf("%d\\n", answer()); }\n'


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """Return a program that is `jeton ninja` of this checkout."""
    path = tmp_path / "bin" / "jeton-ninja"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nPYTHONPATH={SRC} exec {sys.executable} -m jeton ninja "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "answer.c").write_text(LIBRARY)
    (folder / "answer.h").write_text("int answer(void);\n")
    (folder / "main.c").write_text(PROGRAM)
    return folder


def run(*argv: str | Path, cwd: Path, **more: str) -> str:
    environ = {key: value for key, value in os.environ.items() if "MAKEFLAGS" not in key} | more
    result = subprocess.run(
        argv,
        cwd=cwd,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout
    assert "Traceback" not in result.stdout
    return result.stdout


def test_cmake_builds_and_reconfigures_with_it(tmp_path: Path, source: Path, stand_in: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    lists = source / "CMakeLists.txt"
    lists.write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(p C)\n"
        "add_library(answer answer.c)\nadd_executable(main main.c)\ntarget_link_libraries(main answer)\n"
    )
    build = tmp_path / "build"
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={stand_in}", cwd=tmp_path)
    run("cmake", "--build", build, cwd=tmp_path)
    assert run(build / "main", cwd=tmp_path) == "42\n"
    assert "no work to do" in run("cmake", "--build", build, cwd=tmp_path)
    lists.write_text(lists.read_text() + "add_executable(second main.c)\ntarget_link_libraries(second answer)\n")
    again = run("cmake", "--build", build, cwd=tmp_path)
    assert "Re-running CMake" in again
    assert (build / "second").exists()
    assert "no work to do" in run("cmake", "--build", build, cwd=tmp_path)
    run("cmake", "--build", build, "--target", "clean", cwd=tmp_path)
    assert not (build / "main").exists()
    run("cmake", "--build", build, "--clean-first", "-j", "2", "-v", cwd=tmp_path)
    assert (build / "main").exists()


def test_meson_builds_and_reconfigures_with_it(tmp_path: Path, source: Path, stand_in: Path) -> None:
    meson = shutil.which("meson", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if meson is None:
        pytest.skip("meson is not installed")
    lists = source / "meson.build"
    lists.write_text(
        "project('p', 'c')\nlib = static_library('answer', 'answer.c')\nexecutable('main', 'main.c', link_with: lib)\n"
    )
    build = tmp_path / "build"
    ninja = {"NINJA": str(stand_in)}
    run(meson, "setup", build, source, cwd=tmp_path, **ninja)
    run(meson, "compile", "-C", build, cwd=tmp_path, **ninja)
    assert run(build / "main", cwd=tmp_path) == "42\n"
    assert "no work to do" in run(meson, "compile", "-C", build, cwd=tmp_path, **ninja)
    lists.write_text(lists.read_text() + "executable('second', 'main.c', link_with: lib)\n")
    run(meson, "compile", "-C", build, cwd=tmp_path, **ninja)
    assert (build / "second").exists()
    run(meson, "compile", "-C", build, "--clean", cwd=tmp_path, **ninja)
    assert not (build / "main").exists()
