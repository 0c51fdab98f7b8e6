"""Floor 4: whole builds. Knows nothing of tasks' insides, nor of queries.

API boundary. `Build` is one build of one manifest; `Options` say how. Below it: `graph` (what there is), `ninja` (how
it is written), `history` (what was done), `scan` (what is out of date), `plan` (what runs next), `execute` (runs it).
"""

from jeton.build.build import Build, Result
from jeton.build.graph import BuildError, File, Graph, Step
from jeton.build.options import MemoryLimit, Options

__all__ = ["Build", "BuildError", "File", "Graph", "MemoryLimit", "Options", "Result", "Step"]
