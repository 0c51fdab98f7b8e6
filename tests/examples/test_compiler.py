"""The compiler of `examples/compiler`, run as its users run it: what its programs do, and what an edit costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.examples.compiler_project import COMPILER, Project

pytestmark = pytest.mark.peer

GEOMETRY = """
    struct Point { x: int, y: int }

    fn area(side: int) -> int {
        return side * side
    }

    fn twice[T: number](value: T) -> T {
        return value + value
    }
"""
WORDS = """
    import geometry

    fn describe(side: int) -> str {
        return "a square of " + text(geometry.area(side))
    }
"""
MAIN = """
    import geometry
    import words

    fn main() {
        print(words.describe(3))
        print(geometry.twice(2), geometry.twice(1.5))
    }
"""
PRINTED = "a square of 9\n4 3.0\n"
EVERYTHING = ["geometry", "link", "main", "sou", "words"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def built(project: Project) -> Project:
    """The program of three modules, built once with a cache."""
    project.write(geometry=GEOMETRY, words=WORDS, main=MAIN)
    assert project.build() == EVERYTHING
    assert project.program() == PRINTED
    return project


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
        fn main() {
            print(say("left", 7) - say("right", 2) * say("last", 3))
            let items = [say("a", 1), say("b", 2)]
            print(items[say("index", 1)], len(items))
        }
        """,
        "left\nright\nlast\n1\na\nb\nindex\n2 2\n",
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


# What an edit costs.


def test_nothing_changed_runs_no_compiler(built: Project) -> None:
    assert built.build() == []
    assert built.program() == PRINTED


def test_lost_program_is_written_again_without_a_compiler(built: Project) -> None:
    (built.folder / "prog").unlink()
    assert built.build() == []
    assert built.program() == PRINTED


def test_comment_and_moved_function_run_no_compiler(built: Project) -> None:
    built.edit("geometry", "fn area", "# what is inside\n\n\nfn area")
    assert built.build() == []
    text = (built.folder / "geometry.sou").read_text()
    area = text[text.index("fn area") : text.index("fn twice")]
    (built.folder / "geometry.sou").write_text(text.replace(area, "") + "\n" + area)
    assert built.build() == [], "the order of the functions in a unit is that in which they are called"
    assert built.program() == PRINTED


def test_edited_body_compiles_its_own_unit_alone(built: Project) -> None:
    built.edit("geometry", "side * side", "side * side * 10")
    assert built.build() == ["geometry", "link"]
    assert built.program() == "a square of 90\n4 3.0\n"


def test_edited_generic_function_compiles_the_unit_that_owns_it(built: Project) -> None:
    built.edit("geometry", "value + value", "value + value + value")
    assert built.build() == ["geometry", "link"]
    assert built.program() == "a square of 9\n6 4.5\n"


def test_new_instance_compiles_who_wants_it_and_who_owns_it(built: Project) -> None:
    built.edit("words", "geometry.area(side)", "geometry.area(geometry.twice(side))")
    assert built.build() == ["link", "words"], "there was an instance for an int"
    built.edit("main", "print(geometry.twice(2), geometry.twice(1.5))", "print(geometry.twice(1.5))")
    assert built.build() == ["link", "main"], "words still needs the other one"
    built.edit("words", "geometry.twice(side)", "side")
    assert built.build() == ["geometry", "link", "words"]
    assert built.program() == "a square of 9\n3.0\n"


def test_changed_signature_compiles_exactly_its_users(built: Project) -> None:
    built.edit(
        "geometry",
        "fn area(side: int) -> int {\n    return side * side",
        "fn area(side: int) -> float {\n    return real(side)",
    )
    assert built.build() == ["geometry", "link", "words"]
    assert built.program() == "a square of 3.0\n4 3.0\n"


def test_changed_struct_that_nobody_uses_compiles_nothing(built: Project) -> None:
    built.edit("geometry", "x: int, y: int", "x: int, y: int, z: int")
    assert built.build() == []


def test_function_that_nobody_calls_is_checked_and_not_compiled(built: Project) -> None:
    built.edit("geometry", "fn area", "fn idle() -> int {\n    return 1\n}\n\nfn area")
    assert built.build() == []
    built.edit("geometry", "return 1", 'return "one"')
    assert built.compiler("build", "main.sou", "--check", "--cache", "cache").status == 1


def test_errors_fixed_and_back_again_say_the_same(built: Project) -> None:
    arguments = ("build", "main.sou", "-o", "prog", "--cache", "cache")
    built.edit("geometry", "side * side", "side * sidee")
    broken = built.compiler(*arguments)
    assert broken.status == 1
    assert "there is no `sidee` here" in broken.err
    assert built.program() == PRINTED, "the old program stays"
    built.edit("geometry", "sidee", "side")
    assert built.build() == []
    built.edit("geometry", "side * side", "side * sidee")
    assert built.compiler(*arguments) == broken
    assert built.compiled() == []


def test_check_runs_no_compiler_and_writes_no_program(project: Project) -> None:
    project.write(geometry=GEOMETRY, words=WORDS, main=MAIN)
    ran = project.compiler("build", "main.sou", "--check")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert project.compiled() == []
    assert sorted(path.name for path in project.folder.iterdir()) == ["geometry.sou", "main.sou", "words.sou"]


def test_warning_is_told_each_time_and_is_no_failure(built: Project) -> None:
    built.edit("words", "return", "let spare = 1\n    return")
    arguments = ("build", "main.sou", "-o", "prog", "--cache", "cache")
    first = built.compiler(*arguments)
    assert first.status == 0
    assert "words.sou:4:9: warning: variable `spare` is never read" in first.err
    assert first.err.endswith("main.sou: 1 warning\n")
    assert built.compiler(*arguments) == first


def test_new_file_answers_an_import_that_missed_it(built: Project) -> None:
    built.edit("main", "import words", "import words\nimport late")
    arguments = ("build", "main.sou", "-o", "prog", "--cache", "cache")
    assert "there is no module `late`" in built.compiler(*arguments).err
    built.write(late="fn late() {}\n")
    assert built.build() == []


def test_tampered_unit_is_compiled_where_the_compiler_changed(built: Project) -> None:
    built.cc.write_text(built.cc.read_text() + "# another compiler\n")
    assert built.build() == EVERYTHING


# The command line.


def test_explain_names_the_file_that_changed(built: Project) -> None:
    built.edit("geometry", "side * side", "side + side")
    ran = built.compiler("build", "main.sou", "-o", "prog", "--cache", "cache", "--explain", "geometry.area")
    assert ran.status == 0
    assert "checked(geometry.area)" in ran.err
    assert "source('geometry.sou')" in ran.err
    missing = built.compiler("build", "main.sou", "--check", "--explain", "nothing")
    assert missing.err == "main.sou: no function `nothing` to explain\n"


def test_stats_count_what_ran(built: Project) -> None:
    built.edit("geometry", "side * side", "side + side")
    ran = built.compiler("build", "main.sou", "-o", "prog", "--cache", "cache", "--stats")
    rows = {words[0]: words[1:] for words in map(str.split, ran.err.splitlines())}
    assert rows["query"] == ["ran", "unchanged", "changed", "ms"]
    assert [rows[name][0] for name in ("parsed", "checked", "emitted", "c_text")] == ["1", "1", "1", "1"]


def test_watch_builds_again_when_a_file_changes(built: Project) -> None:
    command = [sys.executable, str(COMPILER), "watch", "main.sou", "-o", "prog", "--cache", "cache"]
    with subprocess.Popen(
        command, cwd=built.folder, env=built.environ(), stderr=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stderr is not None
        try:
            assert "up to date" in watching.stderr.readline()
            built.edit("geometry", "side * side", "side + side")
            line = watching.stderr.readline()
            assert "up to date" in line
            assert "1 checked" in line
            assert built.program() == "a square of 6\n4 3.0\n"
            built.edit("geometry", "side + side", "side + sid")
            assert "there is no `sid` here" in watching.stderr.readline()
            while "waiting for a change" not in (line := watching.stderr.readline()):
                assert line, "it goes on after an error"
        finally:
            watching.terminate()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: build|run|watch"),
        (["build"], "the following arguments are required: FILE.sou"),
        (["build", "main.sou", "-j0"], "argument -j/--jobs: '0' is no number of jobs"),
        (["frob", "main.sou"], "invalid choice: 'frob'"),
        (["run", "main.sou", "-o", "x"], "unrecognized arguments: -o x"),
        (["build", "nothing.sou"], "nothing.sou: no such file"),
        (["build", "main.c"], "main.c: not a file of Sou; name one that ends in .sou"),
        (
            ["build", "my-main.sou"],
            "my-main.sou: a module's file is called as a name of the language; use letters, digits and _",
        ),
    ],
)
def test_misuse_is_told_in_a_line_with_status_2(project: Project, arguments: list[str], complaint: str) -> None:
    project.write(main="fn main() {}\n")
    ran = project.compiler(*arguments)
    assert ran.status == 2
    assert complaint in ran.err.splitlines()[-1]


def test_unwritable_output_is_a_line_with_status_1(project: Project) -> None:
    project.write(main="fn main() {}\n")
    ran = project.compiler("build", "main.sou", "-o", "missing/prog")
    assert ran.status == 1
    assert ran.err.endswith(": no such file or directory\n")
    assert len(ran.err.splitlines()) == 1


def test_failing_c_compiler_is_told_with_status_1(project: Project) -> None:
    project.write(main="fn main() {}\n")
    project.cc.write_text("#!/bin/sh\necho the compiler is out of order >&2\nexit 3\n")
    ran = project.compiler("build", "main.sou", "-o", "prog")
    assert ran.status == 1
    assert "the compiler is out of order" in ran.err
    assert not (project.folder / "prog").exists()
