"""The ninja language: manifests, depfiles and dyndep files. Owns the text; knows nothing of what is up to date.

API boundary: `load` reads a manifest into a `Graph`. The reference is "The Ninja build system", version 1.13
(ninja-build.org/manual.html).
"""

from jeton.build.ninja.bindings import quoted
from jeton.build.ninja.dyndep import apply_dyndep, read_dyndep
from jeton.build.ninja.lexer import ManifestError
from jeton.build.ninja.loader import NINJA_VERSION, load
from jeton.build.ninja.makedeps import Depfile, parse_depfile
from jeton.build.ninja.msvc import without_includes

__all__ = [
    "NINJA_VERSION",
    "Depfile",
    "ManifestError",
    "apply_dyndep",
    "load",
    "parse_depfile",
    "quoted",
    "read_dyndep",
    "without_includes",
]
