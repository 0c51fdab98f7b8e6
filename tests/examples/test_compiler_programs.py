"""Programs of Sou, compiled by the real C compiler and run: what they print, and how they stop."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.examples.compiler_project import COMPILER, Project

pytestmark = pytest.mark.peer


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_tour_prints_what_its_modules_compute(project: Project) -> None:
    ran = project.compiler("run", str(COMPILER / "programs" / "tour.sou"))
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "primes: 15 sum: 328",
        "apple, date, fig, pear - fig is number 2",
        "apple costs 2",
        "date costs 3",
        "fig costs 5",
        "pear costs 7",
        "a square of 5.656854249492385 around",
        "in order: 20 30 40 50 60 70 80 - depth 3",
    ]


PROGRAMS = {
    "calls happen from left to right": (
        """
        fn say(word: str, value: int) -> int {
            print(word)
            return value
        }
        fn minus(from: int, value: int) -> int {
            return from - value
        }
        fn main() {
            print(minus(say("from", 5), say("value", 3)))
            print(say("left", 7) - say("right", 2) * say("last", 3))
            let items = [say("a", 1), say("b", 2)]
            print(items[say("index", 1)], len(items))
        }
        """,
        "from\nvalue\n2\nleft\nright\nlast\n1\na\nb\nindex\n2 2\n",
    ),
    "and stops at what decides it": (
        """
        fn say(value: bool) -> bool {
            print("asked")
            return value
        }
        fn main() {
            print(say(false) and say(true))
            print(say(true) or say(true))
            var i = 0
            while i < 2 and say(true) {
                i = i + 1
            }
        }
        """,
        "asked\nfalse\nasked\ntrue\nasked\nasked\n",
    ),
    "a struct is a value and a list a reference": (
        """
        struct Box { size: int, inside: [int] }
        fn grow(box: Box) {
            push(box.inside, box.size)
        }
        fn main() {
            var box = Box(1, [])
            let copy = box
            box.size = 5
            grow(box)
            print(copy.size, box.size, len(copy.inside), copy.inside[0])
            let boxes = [box, copy]
            boxes[1].size = 9
            print(boxes[1].size, copy.size, pop(boxes).size, len(boxes))
        }
        """,
        "1 5 1 5\n9 1 9 1\n",
    ),
    "a name inside a block hides the one outside": (
        """
        fn main() {
            let x = 1
            if true {
                let x = x + 1
                print(x)
            }
            for x in [7] {
                print(x)
            }
            print(x)
        }
        """,
        "2\n7\n1\n",
    ),
    "texts of numbers read back": (
        """
        fn main() {
            print(0.1 + 0.2, 1.0, 1e300 * 10.0, -2.5, 1.0 / 3.0)
            print(7 / 2, -7 / 2, 7 % 3, round(2.5), real(3), 9223372036854775807 + 1)
            print(text(true) + "\\t\\"quoted\\" \\\\ ü ??/", len("ü"))
            print("b" < "ba", "b" == "b", "" < "a", 2 != 2, not (1 < 2))
        }
        """,
        """\
0.30000000000000004 1.0 1e+301 -2.5 0.3333333333333333
3 -3 1 3 3.0 -9223372036854775808
true\t"quoted" \\ ü ??/ 2
true true true false false
""",
    ),
    "break and continue belong to the innermost loop": (
        """
        fn main() {
            for i in 0..5 {
                if i == 1 {
                    continue
                }
                while true {
                    break
                }
                if i == 3 {
                    break
                }
                print(i)
            }
        }
        """,
        "0\n2\n",
    ),
    "words of C are names here": (
        """
        struct int64_t { double: int, NULL: str }
        fn switch(register: int) -> int {
            let _ = 3
            let main = register + _
            return main
        }
        fn main() {
            print(switch(1), int64_t(2, "n").double)
        }
        """,
        "4 2\n",
    ),
    "a generic struct inside itself through a list": (
        """
        struct Chain[T] { value: T, next: [Chain[T]] }
        fn cons[T](value: T, next: Chain[T]) -> Chain[T] {
            return Chain(value, [next])
        }
        fn length[T](chain: Chain[T]) -> int {
            if len(chain.next) == 0 {
                return 1
            }
            return 1 + length(chain.next[0])
        }
        fn main() {
            print(length(cons("a", cons("b", Chain("c", [])))), length(Chain(1.0, [])))
        }
        """,
        "3 1\n",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_prints(project: Project, name: str) -> None:
    source, printed = PROGRAMS[name]
    project.write(main=source)
    ran = project.compiler("run", "main.sou")
    assert (ran.status, ran.out, ran.err) == (0, printed, "")


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("print(items[2])", "index 2 of a list of 2"),
        ("items[-1] = 3", "index -1 of a list of 2"),
        ("print(1 / (len(items) - 2))", "division by zero"),
        ("print(1 % (len(items) - 2))", "division by zero"),
        ("while true { print(pop(items)) }", "pop of an empty list"),
        ("print(round(1e300))", "a float that fits into no int"),
    ],
)
def test_program_stops_with_a_line_after_what_it_printed(project: Project, statement: str, why: str) -> None:
    project.write(main=f'fn main() {{\n    let items = [1, 2]\n    print("first", len(items))\n    {statement}\n}}\n')
    ran = project.compiler("run", "main.sou")
    assert (ran.status, ran.err) == (101, f"stopped: {why}\n")
    assert ran.out.startswith("first 2\n")


def test_modules_may_import_each_other(project: Project) -> None:
    project.write(
        even="import odd\nfn even(n: int) -> bool {\n    if n == 0 { return true }\n    return odd.odd(n - 1)\n}\n",
        odd="import even\nfn odd(n: int) -> bool {\n    if n == 0 { return false }\n    return even.even(n - 1)\n}\n",
        main="import even\nfn main() { print(even.even(10), even.even(7)) }\n",
    )
    assert project.compiler("run", "main.sou").out == "true false\n"


def test_generated_program_of_hundreds_of_functions_runs(project: Project) -> None:
    subprocess.run(
        [sys.executable, COMPILER / "generate.py", project.folder, "--modules", "4", "--functions", "30"], check=True
    )
    ran = project.compiler("run", "main.sou", "-j2")
    assert (ran.status, ran.err) == (0, "")
    assert int(ran.out) > 0
