"""What the compiler says of a text that it cannot read, and that it reads on behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.examples.compiler_verdicts import cases, shown

CASES = cases(r"""
=== missing bracket
fn main() {
    print((1 + 2)
}
---
main.sou:3:1: error: expected `)` after the last argument, found `}`
  |
3 | }
  | ^
=== missing expression
fn main() {
    let x =
    let y = 2
    print(y)
}
---
main.sou:3:5: error: expected an expression, found `let`
  |
3 |     let y = 2
  |     ^^^
=== two statements in a line
fn main() {
    let x = 1 print(x)
}
---
main.sou:2:15: error: expected the line to end after this statement, found `print`
  |
2 |     let x = 1 print(x)
  |               ^^^^^
=== value that goes nowhere
fn main() {
    1 + 2
}
---
main.sou:2:5: error: the value of this expression goes nowhere
  |
2 |     1 + 2
  |     ^^^^^
=== string that does not end
fn main() {
    print("abc)
}
---
main.sou:2:11: error: this string does not end on its line
  |
2 |     print("abc)
  |           ^^^^^
  = close it with `"`; a line break is `\n`
=== escape that there is not
fn main() {
    print("a\qb")
}
---
main.sou:2:11: error: `\q` stands for nothing in a string
  |
2 |     print("a\qb")
  |           ^^^^^^
  = a backslash itself is `\\`
=== number that is too large
fn main() {
    print(9223372036854775808)
}
---
main.sou:2:11: error: this number does not fit into an int
  |
2 |     print(9223372036854775808)
  |           ^^^^^^^^^^^^^^^^^^^
  = the largest is 9223372036854775807
=== character of no word
fn main() {
    print(1 @ 2)
}
---
main.sou:2:13: error: `@` begins no word of the language
  |
2 |     print(1 @ 2)
  |             ^
=== block that is not closed
fn f() {
    if true {
        print(1)

fn main() {}
---
main.sou:5:1: error: expected `}` to close a block, found `fn`
  |
5 | fn main() {}
  | ^^
=== statement outside a function
let x = 1

fn main() {}
---
main.sou:1:1: error: expected `fn`, `struct` or `import`, found `let`
  |
1 | let x = 1
  | ^^^
=== tab and text of several bytes
fn main() {
	let s = "üü" + tezt
	print(s)
}
---
main.sou:2:17: error: there is no `tezt` here
  |
2 |     let s = "üü" + tezt
  |                    ^^^^
=== file that is empty
---
main.sou:1:1: error: a program begins with `fn main()`, and there is none
  |
1 |
  | ^
=== comparisons in a row
fn main() {
    print(1 < 2 < 3)
}
---
main.sou:2:11: error: `<` needs two values of one type, found `bool` and `int`
  |
2 |     print(1 < 2 < 3)
  |           ^^^^^^^^^
  = join two comparisons by `and`
""")


@pytest.mark.parametrize("name", CASES)
def test_the_compiler_says_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(CASES[name].source) == CASES[name].shown
