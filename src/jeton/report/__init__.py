"""Floor 5: what a person sees. Knows nothing of how anything is scheduled: it hears the events of `jeton.trace`.

API boundary: `PlainProgress`, `NinjaProgress` and `TerminalProgress` print a running build; `jeton.report.timings`
draws one that was recorded. `TerminalProgress` is imported from its own file, so that only a terminal pays for rich.
"""

from jeton.report.ninja_progress import NinjaProgress
from jeton.report.plain_progress import PlainProgress

__all__ = ["NinjaProgress", "PlainProgress"]
