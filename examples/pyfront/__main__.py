"""Lets `python examples/pyfront` run from a checkout. Owns the path of imports, nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

# A jeton that is installed, or named by PYTHONPATH, comes first.
sys.path.extend(str(Path(__file__).resolve().parents[2] / folder) for folder in (".", "src"))

from examples.pyfront.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
