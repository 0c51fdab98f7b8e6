"""Covers what makes two values the same: that `digest` and `same` agree, in every process, and confuse nothing."""

import array
import collections
import dataclasses
import enum
import math
import operator
import os
import pathlib
import subprocess
import sys
import typing
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.store.children import SRC

from jeton.store.fingerprint import _walked, canonical, digest, same


@dataclasses.dataclass(frozen=True)
class Point:
    x: object
    y: object


@dataclasses.dataclass(frozen=True)
class Pair:
    x: object
    y: object


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    only: object


@dataclasses.dataclass
class Bare:
    pass


class Named(typing.NamedTuple):
    x: object
    y: object


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


class Level(enum.IntEnum):
    ONE = 1


class Bits(enum.Flag):
    A = 1
    B = 2


class Text(str):
    __slots__ = ()


class Bytes(bytes):
    __slots__ = ()


@dataclasses.dataclass
class Settings(dict[str, int]):
    """More than its fields."""

    title: str = ""


class Plain:
    """An object like any other, known by its pickle and its own `==`."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-2, 2)
    | st.floats()
    | st.sampled_from([0.0, -0.0, 1.0, math.nan])
    | st.complex_numbers()
    | st.text(st.characters(), max_size=4)
    | st.binary(max_size=4)
    | st.sampled_from([*Colour, *Level, Bits.A, Bits.A | Bits.B, Bits(0)])
    | st.sampled_from(["a", "a/b", "."]).map(pathlib.Path)
    | st.sampled_from(["a", "a/b", "."]).map(pathlib.PurePosixPath)
)
HASHABLE = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(inner, max_size=3)
        | st.builds(Point, inner, inner)
        | st.builds(Pair, inner, inner)
        | st.builds(Slotted, inner)
        | st.builds(Named, inner, inner)
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=3)
        | st.sets(HASHABLE, max_size=3)
        | st.builds(Point, inner, inner)
        | st.builds(Bare)
    ),
    max_leaves=8,
)


@st.composite
def alike(draw: st.DrawFn) -> tuple[object, object]:
    """Two values that often are the same, or nearly: what is drawn at random hardly ever is."""
    value = draw(VALUES)
    return value, draw(st.sampled_from([copied, loosened])).__call__(value)


def copied(value: typing.Any) -> typing.Any:
    """Return the same value in other objects."""
    kind = type(value)
    if kind in (str, bytes):
        return value[:1] + value[1:]
    if kind is float:
        return value * 1.0
    if kind in (tuple, list):
        return kind([copied(each) for each in value])
    if kind in (set, frozenset):
        return kind(copied(each) for each in reversed([*value]))
    if kind is dict:
        return {copied(key): copied(each) for key, each in value.items()}
    if kind in (Point, Pair, Named):
        return kind(copied(value.x), copied(value.y))
    return value


def loosened(value: typing.Any) -> typing.Any:
    """Return what is equal to the value by `==`, as far as possible, and in other types or in another order."""
    kind = type(value)
    if kind is bool:
        return int(value)
    if kind is int:
        return float(value) if abs(value) < 1 << 50 else value
    if kind is float:
        return -value if value == 0 else value
    if kind in (tuple, list):
        return kind([loosened(each) for each in value])
    if kind is frozenset:
        return set(value)
    if kind is dict:
        return dict(reversed(value.items()))
    return value


@settings(max_examples=400, deadline=None)
@given(st.tuples(VALUES, VALUES) | alike())
def test_values_are_the_same_exactly_if_their_digests_are(pair: tuple[object, object]) -> None:
    left, right = pair
    assert same(left, right) == (digest(left) == digest(right))
    assert same(right, left) == same(left, right)
    assert same(left, left)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_a_copy_is_the_same_and_has_the_same_digest(value: object) -> None:
    again = copied(value)
    assert digest(again) == digest(value)
    assert same(again, value)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_marshal_and_the_walk_write_the_same_bytes(value: object) -> None:
    assert canonical(value) == _walked(value)


@settings(deadline=None)
@given(st.lists(VALUES, min_size=2, max_size=4))
def test_no_value_s_bytes_begin_those_of_another(values: list[object]) -> None:
    written = [canonical(value) for value in values]
    for left in written:
        for right in written:
            assert left == right or not right.startswith(left)


DIFFERENT: list[object] = [
    *(None, False, True, 0, 1, 0.0, -0.0, 1.0, 1j, 1 + 0j, "", "1", b"", b"1", "a", b"a"),
    *((), [], {}, set(), frozenset(), (1, 2), [1, 2], (2, 1), {1, 2}, frozenset({1, 2}), {1: 2}, {2: 1}),
    *((1,), (True,), (1.0,), [1, None], [True, None], [1.0, None], [0.0], [-0.0]),
    *({1: 2, 3: 4}, {3: 4, 1: 2}, {True: 2}, ((1,), 2), ((1, 2),), (1, (2,)), [[1], 2], {"a"}, frozenset("a"), ["a"]),
    *(Point(1, 2), Point(2, 1), Point(1, True), Pair(1, 2), Named(1, 2), Slotted(1), Slotted(None), Bare()),
    *(Colour.RED, Level.ONE, Bits.A, Bits.A | Bits.B, pathlib.Path("a"), pathlib.PurePosixPath("a"), pathlib.Path("b")),
    *(Text("a"), Bytes(b"a"), bytearray(b"a"), memoryview(b"a").tobytes() * 2, array.array("b", b"a")),
    *(Point, Pair, len, operator.add, str, collections.OrderedDict({1: 2}), collections.deque([1]), range(3), slice(1)),
    *(1 << 31, 1 << 32, -1, math.inf, math.nan, "\ud800", "\0", "\0\0", Ellipsis, Settings(), Plain(1), Plain("1")),
]


def test_nothing_of_a_long_list_of_different_things_has_the_digest_of_another() -> None:
    assert len({digest(value) for value in DIFFERENT}) == len(DIFFERENT)
    for at, left in enumerate(DIFFERENT):
        for right in DIFFERENT[:at]:
            assert not same(left, right), (left, right)


def test_a_dataclass_that_is_a_dict_too_is_more_than_its_fields() -> None:
    full = Settings(title="")
    full["a"] = 1
    assert digest(full) != digest(Settings(title=""))


def test_what_a_subclass_holds_beside_its_items_counts() -> None:
    class More(Named):
        """Has a dict of its own, as Named has not."""

    globals()["More"] = More
    More.__qualname__ = "More"
    left, right = More(1, 2), More(1, 2)
    right.extra = 3  # type: ignore[attr-defined]
    assert digest(left) != digest(right)


def test_a_field_that_was_deleted_is_no_error() -> None:
    gone = Slotted(1)
    object.__delattr__(gone, "only")
    assert not same(gone, Slotted(1))
    assert not same(Slotted(1), gone)


SAY = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from tests.store.test_fingerprint import STABLE
from jeton.store.fingerprint import digest
print(*(digest(value).hex() for value in STABLE))
"""

STABLE: list[object] = [
    *(value for value in DIFFERENT if not isinstance(value, Settings)),
    {"one", "two", "three", "four", "five"},
    frozenset({("a", 1), ("b", 2.0), None, Colour.RED, frozenset({"x", "y", "z"})}),
    {"k": {"one", "two", "three"}, "l": Point(frozenset("abcdef"), [{"x", "y"}])},
]


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_digests_are_the_same_in_every_process(seed: str) -> None:
    root = SRC.parent
    said = subprocess.run(
        [sys.executable, "-c", SAY, str(SRC), str(root)],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert said == [digest(value).hex() for value in STABLE]


def nested(depth: int, wrap: Callable[[object], object]) -> object:
    value: object = "x"
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("wrap", [lambda x: (x,), lambda x: [x], lambda x: {1: x}, lambda x: (x, 1)])
def test_any_depth_of_builtin_containers_has_a_digest(wrap: Callable[[object], object]) -> None:
    deep, again, other = nested(20_000, wrap), nested(20_000, wrap), nested(20_001, wrap)
    assert same(deep, again)
    assert not same(deep, other)
    assert digest(deep) == digest(again) != digest(other)


def test_what_is_too_deep_for_a_walk_is_refused_in_a_line_and_not_the_same() -> None:
    deep, again = (nested(5_000, lambda x: frozenset([x, 1])) for _ in range(2))
    with pytest.raises(ValueError, match=r"^builtins.frozenset: cannot be fingerprinted, it is nested too deeply$"):
        digest(deep)
    assert not same(deep, again)


def holding_itself(count: int) -> list[object]:
    value: list[object] = []
    value += [value] * count
    return value


@pytest.mark.parametrize("count", [1, 2, 50])
def test_what_holds_itself_is_refused_in_a_line_and_compared_to_an_end(count: int) -> None:
    with pytest.raises(ValueError, match=r"^builtins.list: cannot be fingerprinted, it holds itself$"):
        digest(holding_itself(count))
    assert same(holding_itself(count), holding_itself(count))
    assert not same(holding_itself(count), holding_itself(count + 1))


def test_what_cannot_be_pickled_is_refused_in_a_line() -> None:
    with pytest.raises(ValueError, match="cannot be fingerprinted, it cannot be pickled") as caught:
        digest([1, lambda: 1])
    assert "\n" not in str(caught.value)


class Loud:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not to be compared")

    __hash__ = None  # type: ignore[assignment]


class Vague:
    def __eq__(self, other: object) -> typing.Any:
        return [True, True]

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("kind", [Loud, Vague, object])
def test_what_does_not_say_that_it_is_equal_is_not_the_same(kind: Callable[[], object]) -> None:
    one = kind()
    assert same([one], [one])
    assert not same([one], [kind()])


def test_objects_of_other_types_are_the_same_if_they_say_so() -> None:
    assert same([Plain(1)], [Plain(1)])
    assert not same([Plain(1)], [Plain(2)])
    assert same({Plain(1)}, {Plain(1)})
