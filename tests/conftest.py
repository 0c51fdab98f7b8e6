"""What holds for all tests. Under CI, hypothesis tries the same examples each time: a failure is the change's."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")
