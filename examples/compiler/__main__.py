"""python examples/compiler: where the compiler begins. Owns that its modules are found, and by one name each."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Python put this folder on the path. What is looked for is `examples.compiler`: what is kept in a cache, and what
# worker processes are sent, names it so.
sys.path[0] = str(ROOT)

from examples.compiler.command_line import main  # noqa: E402  the path comes first

if __name__ == "__main__":
    sys.exit(main())
