"""What an edit costs the compiler of `examples/compiler`, run as its users run it with the real C compiler."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples.compiler.generate import generate
from tests.examples.compiler_project import EVERYTHING, GEOMETRY, MAIN, PRINTED, WORDS, Project, built_project

pytestmark = pytest.mark.peer


@pytest.fixture
def built(tmp_path: Path) -> Project:
    return built_project(tmp_path)


def test_nothing_changed_runs_no_compiler(built: Project) -> None:
    assert built.build() == []
    assert built.program() == PRINTED


def test_lost_program_is_written_again_without_a_compiler(built: Project) -> None:
    (built.folder / "prog").unlink()
    assert built.build() == []
    assert built.program() == PRINTED


def test_comment_and_moved_function_run_no_compiler(built: Project) -> None:
    built.edit("geometry", "fn area", "# what is inside\n\n\nfn area")
    built.edit("geometry", "return side", "# two of them\n    return side")
    assert built.build() == []
    text = (built.folder / "geometry.sou").read_text()
    area = text[text.index("fn area") : text.index("fn twice")]
    (built.folder / "geometry.sou").write_text(text.replace(area, "") + "\n" + area)
    assert built.build() == []
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
    built.edit("words", "geometry.twice(side)", "side + 0")
    assert built.build() == ["geometry", "link", "words"]
    assert built.program() == "a square of 9\n3.0\n"


def test_changed_signature_compiles_exactly_its_users(built: Project) -> None:
    built.edit("geometry", "-> int {\n    return side * side", "-> float {\n    return real(side)")
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


def test_error_that_moves_is_told_where_it_now_stands(built: Project) -> None:
    built.edit("geometry", "side * side", "side * sidee")
    arguments = ("build", "main.sou", "--check", "--cache", "cache")
    assert "geometry.sou:4:19: error:" in built.compiler(*arguments).err
    built.edit("geometry", "fn area", "\n# further down\nfn area")
    assert "geometry.sou:6:19: error:" in built.compiler(*arguments).err


def test_check_runs_no_compiler_and_writes_no_program(tmp_path: Path) -> None:
    project = Project(tmp_path)
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


def test_another_c_compiler_compiles_everything_anew(built: Project) -> None:
    built.cc.write_text(built.cc.read_text() + "# another compiler\n")
    assert built.build() == EVERYTHING


def test_diagnostics_are_the_same_bytes_at_any_number_of_jobs_cold_warm_and_in_a_new_process(tmp_path: Path) -> None:
    project = Project(tmp_path)
    root = generate(project.folder, modules=5, functions=8)
    for path in project.folder.glob("module*.sou"):
        text = path.read_text().replace("var i = 0", "var i = zero")
        path.write_text(text.replace(" {\n    var", " {\n    let spare = 1\n    var"))
    told = set()
    for jobs in ("1", "2", "8"):
        for _ in ("cold", "warm"):
            ran = project.compiler("build", root.name, "--check", f"-j{jobs}", "--cache", f"cache{jobs}")
            assert ran.status == 1
            told.add(ran.err)
    assert len(told) == 1
    assert told.pop().endswith("main.sou: 40 errors, 45 warnings\n")
