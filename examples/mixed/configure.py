"""Writes build.ninja for the mixed example: C, a nested make, LTO, a Python generator and Rust.

Run it with no arguments to build in build/ beside this file, or with --out for another folder.
Rust drops out where there is no rustc, and the link's own jobs where cc is not gcc.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
KERNELS = ("distance", "minhash", "ngram2", "ngram3", "ngram4", "sortnet")
PARTS = ("letters", "main", "reader", "report", "selftest", "windows", "words")

RULES = """\
rule configure
  command = $configure
  description = CONFIGURE
  generator = 1

rule cc
  command = $cc -std=gnu11 -Wall -Wextra -O2 $flags $includes -MMD -MF $out.d -c $in -o $out
  description = CC $out
  deps = gcc
  depfile = $out.d

rule ar
  command = rm -f $out && ar rcs $out $in
  description = AR $out

# It leaves outputs alone whose text stands: restat then spares what follows.
rule table
  command = $python $root/tools/make_table.py $in gen/stopwords
  description = TABLE gen/stopwords
  restat = 1

# A build inside the build. Its make finds the jobserver in MAKEFLAGS and takes tokens for its jobs.
rule make
  command = $make -s -C $root/vendor OUT=$$PWD/vendor TARGET=$out CC="$cc"
  description = MAKE $out
  depfile = $out.d
  restat = 1

# rustc takes a token for each codegen unit beyond the first.
rule rustc
  command = $rustc --crate-name numbers --crate-type staticlib --edition 2021 -C opt-level=3 $
      -C codegen-units=8 -C panic=abort --emit=dep-info=$out.d,link=$out $in
  description = RUSTC $out
  deps = gcc
  depfile = $out.d

# The link compiles: with -flto=jobserver gcc runs a make whose jobs take tokens.
rule link
  command = $cc -O2 $lto_link -o $out $in $libs
  description = LINK $out

rule check
  command = ./$in --self-test > $out.part && mv $out.part $out
  description = CHECK $out
"""


def is_gcc(compiler: str) -> bool:
    """Tell whether the compiler names itself gcc's kin: only gcc has -flto=jobserver."""
    answer = subprocess.run([*shlex.split(compiler), "--version"], capture_output=True, text=True, check=True)
    return "Free Software Foundation" in answer.stdout


def graph(root: str, compiler: str, rustc: str | None, configure: str) -> str:
    """Give the text of build.ninja, for a build folder from which root leads to the sources."""
    lto = is_gcc(compiler)
    # Without the parameter gcc forks a writer for each part of the program, with no token.
    lto_link = "-flto=jobserver -flto-partition=1to1 --param lto-max-streaming-parallelism=1"
    app_flags = ("-flto " if lto else "") + ("-DWITH_RUST" if rustc else "")
    lines = [
        "# Made by configure.py.",
        "ninja_required_version = 1.10",
        f"root = {root}",
        f"cc = {compiler}",
        f"python = {shlex.quote(sys.executable)}",
        "make = make",
        f"rustc = {rustc or ''}",
        f"configure = {configure}",
        "includes = -I$root/kernel -I$root/vendor -Igen",
        f"lto_link = {lto_link if lto else ''}",
        "",
        RULES,
        "build build.ninja: configure | $root/configure.py",
        "build gen/stopwords.c gen/stopwords.h: table $root/data/stopwords.txt | $root/tools/make_table.py",
        "build vendor/libvendor.a: make",
    ]
    lines += [f"build kernel/{name}.o: cc $root/kernel/{name}.c" for name in KERNELS]
    lines.append(f"build libkernel.a: ar {' '.join(f'kernel/{name}.o' for name in KERNELS)}")
    sources = {f"app/{name}.o": f"$root/app/{name}.c" for name in PARTS}
    sources["gen/stopwords.o"] = "gen/stopwords.c"
    for product, source in sources.items():
        lines += [f"build {product}: cc {source} || gen/stopwords.h", f"  flags = {app_flags}"]
    libraries = ["libkernel.a", "vendor/libvendor.a"]
    if rustc:
        lines.append("build rust/libnumbers.a: rustc $root/rust/lib.rs")
        libraries.append("rust/libnumbers.a")
    lines += [
        f"build tally: link {' '.join([*sources, *libraries])}",
        f"  libs = {'-lpthread -ldl ' if rustc else ''}-lm",
        "build self_test.txt: check tally",
        "default self_test.txt",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write build.ninja into the build folder."""
    parser = argparse.ArgumentParser(description="Write build.ninja for the mixed example.")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="the build folder")
    parser.add_argument("--no-rust", action="store_true", help="leave Rust out even where rustc is")
    options = parser.parse_args()
    out: Path = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    rustc = None if options.no_rust else shutil.which("rustc")
    compiler = os.environ.get("CC") or ("gcc" if shutil.which("gcc") else "cc")
    root = os.path.relpath(ROOT, out)
    again = [sys.executable, f"{root}/configure.py", "--out", ".", *(["--no-rust"] if options.no_rust else [])]
    text = graph(root, compiler, rustc, shlex.join(again))
    (out / "build.ninja").write_text(text)
    sys.stdout.write(f"build.ninja is in {out}\n")


if __name__ == "__main__":
    main()
