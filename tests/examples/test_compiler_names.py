"""What the compiler says of names and items: that are not there, are there twice, or are never used."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.examples.compiler_verdicts import cases, shown

CASES = cases(r"""
=== unknown name
fn main() {
    let length = 3
    print(lenght, length)
}
---
main.sou:3:11: error: there is no `lenght` here
  |
3 |     print(lenght, length)
  |           ^^^^^^
  = did you mean `length`?
=== unknown name like no other
fn main() {
    print(zebra)
}
---
main.sou:2:11: error: there is no `zebra` here
  |
2 |     print(zebra)
  |           ^^^^^
=== unknown function
fn main() {
    printt("a")
}
---
main.sou:2:5: error: there is no function `printt`
  |
2 |     printt("a")
  |     ^^^^^^
  = did you mean `print`?
=== unknown function of a module
import geometry

fn main() {
    print(geometry.arae(3))
}
---
main.sou:4:20: error: module `geometry` has no function `arae`
  |
4 |     print(geometry.arae(3))
  |                    ^^^^
  = did you mean `area`?
=== unknown type
fn main() {
    let p: strr = 3
    print(p)
}
---
main.sou:2:12: error: there is no type `strr`
  |
2 |     let p: strr = 3
  |            ^^^^
  = did you mean `str`?
=== unknown type of a module
import geometry

fn main() {
    let p: geometry.Pont = 3
    print(p)
}
---
main.sou:4:12: error: module `geometry` has no type `Pont`
  |
4 |     let p: geometry.Pont = 3
  |            ^^^^^^^^^^^^^
  = did you mean `Point`?
=== unknown module
import geometri

fn main() {
    print(geometri.area(3))
}
---
main.sou:1:8: error: there is no module `geometri`
  |
1 | import geometri
  |        ^^^^^^^^
  = its file would be geometri.sou
=== module that is not imported
fn main() {
    print(geometry.area(3))
}
---
main.sou:2:11: error: module `geometry` is not imported
  |
2 |     print(geometry.area(3))
  |           ^^^^^^^^
  = write `import geometry` at the top of the file
=== module imported twice
import geometry
import geometry

fn main() {
    print(geometry.area(3))
}
---
main.sou:2:8: warning: module `geometry` is imported twice
  |
2 | import geometry
  |        ^^^^^^^^
main.sou:1:8: note: the first time is here
  |
1 | import geometry
  |        ^^^^^^^^
=== duplicate item
fn main() {
    f()
}

fn f() {}

struct f { x: int }
---
main.sou:7:8: error: there is `f` in this module already
  |
7 | struct f { x: int }
  |        ^
main.sou:5:4: note: the first one is here
  |
5 | fn f() {}
  |    ^
=== duplicate parameter
fn main() {
    f(1, 2)
}

fn f(x: int, x: int) {}
---
main.sou:5:14: error: there is a parameter `x` already
  |
5 | fn f(x: int, x: int) {}
  |              ^
main.sou:5:6: note: the first one is here
  |
5 | fn f(x: int, x: int) {}
  |      ^
=== duplicate field
fn main() {
}

struct S { x: int, x: str }
---
main.sou:4:20: error: there is a field `x` already
  |
4 | struct S { x: int, x: str }
  |                    ^
main.sou:4:12: note: the first one is here
  |
4 | struct S { x: int, x: str }
  |            ^
=== duplicate variable
fn main() {
    let x = 1
    let x = 2
    print(x)
}
---
main.sou:3:9: error: there is a variable `x` in this block already
  |
3 |     let x = 2
  |         ^
main.sou:2:9: note: the first one is here
  |
2 |     let x = 1
  |         ^
=== unused variable
fn main() {
    let unused = 1
    let _meant = 2
    var set = 3
    set = 4
}
---
main.sou:2:9: warning: variable `unused` is never read
  |
2 |     let unused = 1
  |         ^^^^^^
  = if that is meant, call it `_unused`
main.sou:4:9: warning: variable `set` is never read
  |
4 |     var set = 3
  |         ^^^
  = if that is meant, call it `_set`
=== assignment to what cannot change
struct Point { x: int, y: int }

fn main() {
    let p = Point(1, 2)
    p.x = 3
}
---
main.sou:5:5: error: `p` cannot be changed
  |
5 |     p.x = 3
  |     ^^^
  = declare it by `var p`
=== assignment to no place
fn main() {
    len([1]) = 3
}
---
main.sou:2:5: error: nothing can be assigned to this
  |
2 |     len([1]) = 3
  |     ^^^^^^^^
=== struct inside itself
fn main() {
}

struct Tree { value: int, left: Tree }
---
main.sou:4:27: error: struct `Tree` has no end: its field `left` holds `Tree` by value
  |
4 | struct Tree { value: int, left: Tree }
  |                           ^^^^
  = a list holds by reference: `left: [Tree]`
=== structs inside each other
fn main() {
}

struct Egg { hen: Hen }

struct Hen { eggs: Pair[int, Egg] }

struct Pair[A, B] { first: A, second: B }
---
main.sou:4:14: error: struct `Egg` has no end: its field `hen` holds `Hen` by value
  |
4 | struct Egg { hen: Hen }
  |              ^^^
  = a list holds by reference: `hen: [Hen]`
main.sou:6:14: error: struct `Hen` has no end: its field `eggs` holds `Pair[int, Egg]` by value
  |
6 | struct Hen { eggs: Pair[int, Egg] }
  |              ^^^^
  = a list holds by reference: `eggs: [Pair[int, Egg]]`
=== struct of ever larger structs
fn main() {
}

struct Grow[T] { inner: Grow[[T]] }
---
main.sou:4:18: error: struct `Grow` has no end: its field `inner` holds `Grow[[T]]` by value
  |
4 | struct Grow[T] { inner: Grow[[T]] }
  |                  ^^^^^
  = a list holds by reference: `inner: [Grow[[T]]]`
=== function of ever larger types
fn main() {
    grow(1)
}

fn grow[T](value: T) {
    grow([value])
}
---
main.sou:5:4: error: `grow` calls itself with ever larger types: it would have no end of instances
  |
5 | fn grow[T](value: T) {
  |    ^^^^
=== no main
fn other() {}
---
main.sou:1:1: error: a program begins with `fn main()`, and there is none
  |
1 | fn other() {}
  | ^
=== main that takes something
fn main(count: int) {
    print(count)
}
---
main.sou:1:4: error: `main` takes nothing and returns nothing: `fn main()`
  |
1 | fn main(count: int) {
  |    ^^^^
""")


@pytest.mark.parametrize("name", CASES)
def test_the_compiler_says_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(CASES[name].source) == CASES[name].shown
