"""Writes a program of many modules, to measure the compiler with.

    python examples/compiler/generate.py FOLDER [--modules N] [--functions N]

Each module has a struct, a generic function, and functions that call others of the module and of the one before it.
The same numbers make the same program, to the byte.
"""

import argparse
from pathlib import Path

_HEAD = """\
# Module {number} of a program that was generated.
{imports}
struct Total{number} {{ count: int, sum: int }}

fn larger{number}[T: ordered](left: T, right: T) -> T {{
    if left < right {{
        return right
    }}
    return left
}}
"""

_FUNCTION = """
fn step{number}_{index}(total: Total{number}, limit: int) -> Total{number} {{
    var result = total
    var i = 0
    while i < limit {{
        if i % {divisor} == 0 {{
            result.sum = result.sum + {call}
        }} else {{
            result.count = result.count + larger{number}(i, {index})
        }}
        i = i + 1
    }}
    return result
}}
"""

_RUN = """
fn run{number}(limit: int) -> int {{
    var total = Total{number}(0, 0)
{steps}
    return total.sum + total.count
}}
"""


def module(number: int, functions: int) -> str:
    """Write one module."""
    imports = f"\nimport module{number - 1}\n" if number else ""
    parts = [_HEAD.format(number=number, imports=imports)]
    for index in range(functions):
        other = f"module{number - 1}.larger{number - 1}(i, {index})" if number and index % 2 else f"i * {index + 1}"
        parts.append(_FUNCTION.format(number=number, index=index, divisor=index % 5 + 2, call=other))
    steps = "\n".join(f"    total = step{number}_{index}(total, limit)" for index in range(functions))
    parts.append(_RUN.format(number=number, steps=steps))
    return "".join(parts)


def program(modules: int) -> str:
    """Write the module that runs all others."""
    imports = "\n".join(f"import module{number}" for number in range(modules))
    calls = "\n".join(f"    sum = sum + module{number}.run{number}(10)" for number in range(modules))
    return f"{imports}\n\nfn main() {{\n    var sum = 0\n{calls}\n    print(sum)\n}}\n"


def generate(folder: Path, modules: int, functions: int) -> Path:
    """Write a program into a folder, which is made if need be; give the path of its root."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(modules):
        (folder / f"module{number}.sou").write_text(module(number, functions))
    root = folder / "main.sou"
    root.write_text(program(modules))
    return root


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a program of many modules, to measure the compiler with.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--modules", type=int, default=20)
    parser.add_argument("--functions", type=int, default=20, help="in each module")
    options = parser.parse_args()
    print(generate(options.folder, options.modules, options.functions))


if __name__ == "__main__":
    main()
