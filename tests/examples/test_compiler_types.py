"""What the compiler says of types that do not fit, and of what their values cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.examples.compiler_verdicts import cases, shown

CASES = cases(r"""
=== int where a float is wanted
fn main() {
    let x: float = 1
    print(x)
}
---
main.sou:2:20: error: expected `float`, found `int`
  |
2 |     let x: float = 1
  |                    ^
  = write `1.0`
=== type that does not fit
fn main() {
    let x: int = "one"
    print(x)
}
---
main.sou:2:18: error: expected `int`, found `str`
  |
2 |     let x: int = "one"
  |                  ^^^^^
=== argument that does not fit
fn main() {
    takes(1, 2)
}

fn takes(name: str, count: int) {
    print(name, count)
}
---
main.sou:2:11: error: expected `str`, found `int`
  |
2 |     takes(1, 2)
  |           ^
  = `text(…)` makes a str of it
=== condition that is no bool
fn main() {
    if 1 { print(1) }
}
---
main.sou:2:8: error: expected `bool`, found `int`
  |
2 |     if 1 { print(1) }
  |        ^
=== operator between two types
fn main() {
    print("a" + 1, 1 + 2.5)
}
---
main.sou:2:11: error: `+` needs two values of one type, found `str` and `int`
  |
2 |     print("a" + 1, 1 + 2.5)
  |           ^^^^^^^
  = `text(…)` makes a str of it
main.sou:2:20: error: `+` needs two values of one type, found `int` and `float`
  |
2 |     print("a" + 1, 1 + 2.5)
  |                    ^^^^^^^
  = `real(…)` makes a float of an int
=== operator that does not work
fn main() {
    print(true + false)
}
---
main.sou:2:11: error: `+` does not work on `bool`
  |
2 |     print(true + false)
  |           ^^^^^^^^^^^^
=== too few arguments
fn main() {
    print(half(1.0))
}

fn half(whole: float, digits: int) -> float {
    return whole / 2.0 + real(digits)
}
---
main.sou:2:11: error: `half` takes 2 arguments, 1 given
  |
2 |     print(half(1.0))
  |           ^^^^^^^^^
  = it is `half(whole: float, digits: int)`
=== too many values for a struct
struct Point { x: int, y: int }

fn main() {
    let p = Point(1, 2, 3)
    print(p.x)
}
---
main.sou:4:13: error: `Point` takes 2 values, 3 given
  |
4 |     let p = Point(1, 2, 3)
  |             ^^^^^^^^^^^^^^
  = it is `Point(x: int, y: int)`
=== missing return
fn main() {
    print(sign(1))
}

fn sign(n: int) -> int {
    if n > 0 {
        return 1
    }
    while n < 0 {
        return -1
    }
}
---
main.sou:5:4: error: `sign` returns `int`, but its end can be reached without a `return`
  |
5 | fn sign(n: int) -> int {
  |    ^^^^
=== return without a value
fn main() {
    print(one())
}

fn one() -> int {
    return
}
---
main.sou:6:5: error: `one` must return `int`
  |
6 |     return
  |     ^^^^^^
=== return of a value from nothing
fn main() {
    return 1
}
---
main.sou:2:12: error: `main` returns nothing
  |
2 |     return 1
  |            ^
  = say what it returns: `-> Type`
=== value of what returns nothing
fn main() {
    let x = print(1)
    print(x)
}
---
main.sou:2:13: error: this call returns nothing, and a value is needed
  |
2 |     let x = print(1)
  |             ^^^^^^^^
=== field that is not there
struct Point { left: int, top: int }

fn main() {
    print(Point(1, 2).topp)
}
---
main.sou:4:23: error: struct `Point` has no field `topp`
  |
4 |     print(Point(1, 2).topp)
  |                       ^^^^
  = did you mean `top`?
=== field of what has none
fn main() {
    print((3).x)
}
---
main.sou:2:15: error: `int` has no fields
  |
2 |     print((3).x)
  |               ^
=== index of what is no list
fn main() {
    let n = 3
    print(n[0])
}
---
main.sou:3:11: error: only a list has items, and this is `int`
  |
3 |     print(n[0])
  |           ^
=== empty list of nothing known
fn main() {
    let items = []
    print(len(items))
}
---
main.sou:2:17: error: nothing says what this empty list is a list of
  |
2 |     let items = []
  |                 ^^
  = give its variable a type: `let items: [int] = []`
=== loop over an int
fn main() {
    for i in 10 {
        print(i)
    }
}
---
main.sou:2:14: error: a loop goes over a list, and this is `int`
  |
2 |     for i in 10 {
  |              ^^
  = or two ints: `0..10`
=== break outside a loop
fn main() {
    break
}
---
main.sou:2:5: error: `break` stands in no loop
  |
2 |     break
  |     ^^^^^
=== type parameter that nothing tells
fn main() {
    let x = none()
    print(len(x))
}

fn none[T]() -> [T] {
    return []
}
---
main.sou:2:13: error: nothing says what `T` of `none` stands for here
  |
2 |     let x = none()
  |             ^^^^^^
  = give what it is assigned to a type: `let name: Type = …`
=== type parameter that is not able
fn main() {
    print(len(sorted([true])))
}

fn sorted[T: ordered](items: [T]) -> [T] {
    return items
}
---
main.sou:2:15: error: `T` of `sorted` must be ordered, and `bool` is not
  |
2 |     print(len(sorted([true])))
  |               ^^^^^^^^^^^^^^
=== operator on a type parameter
fn main() {
    print(double(1))
}

fn double[T](value: T) -> T {
    return value + value
}
---
main.sou:6:12: error: `+` does not work on `T`
  |
6 |     return value + value
  |            ^^^^^^^^^^^^^
  = say what it must be: `[T: number]`
=== bound that there is not
fn main() {
    f(1)
}

fn f[T: big](_value: T) {}
---
main.sou:5:6: error: a type cannot be `big`
  |
5 | fn f[T: big](_value: T) {}
  |      ^^^^^^
  = it can be `number`, `ordered`, `printable`
=== print of a struct
struct Point { x: int, y: int }

fn main() {
    print(Point(1, 2))
}
---
main.sou:4:11: error: `print` takes what is printable, and `Point` is not
  |
4 |     print(Point(1, 2))
  |           ^^^^^^^^^^^
=== wrong number of types
struct Box[T] { value: T }

fn main() {
    let b: Box[int, str] = Box(1)
    print(b.value)
}
---
main.sou:4:12: error: struct `Box` takes 1 type, 2 given
  |
4 |     let b: Box[int, str] = Box(1)
  |            ^^^^^^^^^^^^^
=== function where a value is wanted
fn main() {
    let x = main
    print(x)
}
---
main.sou:2:13: error: `main` is a function, not a value
  |
2 |     let x = main
  |             ^^^^
  = call it: `main(…)`
""")


@pytest.mark.parametrize("name", CASES)
def test_the_compiler_says_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(CASES[name].source) == CASES[name].shown
