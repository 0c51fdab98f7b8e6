"""The phases of the compiler as plain functions, without an engine: what the parser keeps and the checker asks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from examples.compiler.diagnostics import Diagnostic
from examples.compiler.semantics.kinds import INT, ItemId
from examples.compiler.semantics.statements import check_function
from examples.compiler.semantics.world import Signature, Sort
from examples.compiler.syntax import tree
from examples.compiler.syntax.lexer import Kind, tokens
from examples.compiler.syntax.parser import parse
from hypothesis import given
from hypothesis import strategies as st
from tests.examples.compiler_project import COMPILER

PROGRAMS = [path.read_text() for path in sorted((COMPILER / "programs").glob("*.sou"))]


def nodes(value: Any) -> Iterator[Any]:
    """Walk over all nodes of a tree."""
    if dataclasses.is_dataclass(value):
        yield value
        for field in dataclasses.fields(value):
            yield from nodes(getattr(value, field.name))
    elif isinstance(value, tuple):
        for one in value:
            yield from nodes(one)


@pytest.mark.parametrize("text", PROGRAMS)
def test_comments_and_blank_lines_leave_every_tree_as_it_was(text: str) -> None:
    changed = "\n\n" + "".join(f"{line}  # what a line\n\n\t# between lines\n" for line in text.splitlines())
    before, after = parse(text), parse(changed)
    assert before.module == after.module
    assert before.places != after.places


@pytest.mark.parametrize("text", PROGRAMS)
def test_places_of_names_are_where_the_names_stand(text: str) -> None:
    parsed = parse(text)
    assert not parsed.module.problems
    seen = 0
    for key, item in parsed.module.items.items():
        places = parsed.places[key]
        for node in nodes(item):
            start, end = places[node.node]
            if isinstance(node, tree.Name):
                assert text[start:end] == node.text
            elif isinstance(node, tree.Let | tree.For | tree.Parameter | tree.Function | tree.Struct):
                assert text[start:end] == node.name
            seen += 1
        assert len({node.node for node in nodes(item)}) <= len(places)
    assert seen > 20 or not parsed.module.items


WORDS = sorted({token.text for text in PROGRAMS for token in tokens(text) if token.kind is not Kind.END})


@given(st.lists(st.sampled_from([*WORDS, "\n", "@", '"', "#", "1.", "\\", "\t", "ü"]), max_size=60))
def test_parser_reads_whatever_there_is_and_places_all_of_it(words: list[str]) -> None:
    text = " ".join(words)
    parsed = parse(text)
    for item, places in parsed.places.items():
        assert all(0 <= start <= end <= len(text) for start, end in places), item
    for problem in parsed.module.problems:
        assert 0 <= problem.node < len(parsed.places[problem.item])


class Dictionary:
    """A program that is a dictionary of signatures, all in one module."""

    def __init__(self, **signatures: Signature) -> None:
        self.signatures = signatures
        self.said: list[str] = []

    def sort(self, item: ItemId) -> Sort | None:
        return self.signatures[item.name].sort if item.name in self.signatures else None

    def arity(self, item: ItemId) -> int:
        return len(self.signatures[item.name].type_parameters)

    def signature(self, item: ItemId) -> Signature:
        return self.signatures[item.name]

    def imported(self, module: str, name: str) -> str | None:
        del module, name
        return None

    def exists(self, module: str) -> bool:
        return bool(module)

    def names(self, module: str) -> list[str]:
        raise AssertionError(f"nothing is wrong, so nobody asks for all names of {module}")

    def report(self, diagnostic: Diagnostic) -> None:
        self.said.append(diagnostic.message)


def test_checker_sees_the_program_through_its_world_alone() -> None:
    function = parse("fn twice(x: int) -> int {\n    return add(x, x)\n}\n").module.items["twice"]
    assert isinstance(function, tree.Function)
    world = Dictionary(
        twice=Signature(Sort.FUNCTION, (), (("x", INT),), INT),
        add=Signature(Sort.FUNCTION, (), (("left", INT), ("right", INT)), INT),
    )
    facts = check_function(world, ItemId("m.sou", "twice"), function)
    assert world.said == []
    assert [target.item.name for target in facts.targets.values()] == ["add"]
    world.signatures["add"] = Signature(Sort.FUNCTION, (), (("left", INT),), INT)
    check_function(world, ItemId("m.sou", "twice"), function)
    assert world.said == ["`add` takes 1 argument, 2 given"]
