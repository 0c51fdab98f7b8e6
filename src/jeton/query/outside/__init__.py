"""Files and commands, for queries. The engine knows nothing of them; they are inputs and queries like any program's.

API boundary: `file_text`, `file_bytes` and `folder` are inputs that see when the file system changes; `@process` makes
a query of a command, whose result is what the command made.
"""

from jeton.query.outside.files import file_bytes, file_stamp, file_text, folder, program
from jeton.query.outside.process import Command, CommandFailed, CommandKilled, Made, process

__all__ = [
    "Command",
    "CommandFailed",
    "CommandKilled",
    "Made",
    "file_bytes",
    "file_stamp",
    "file_text",
    "folder",
    "process",
    "program",
]
