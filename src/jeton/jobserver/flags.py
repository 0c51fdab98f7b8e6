"""The text of MAKEFLAGS, to value and back. Pure: owns the spelling, opens nothing.

The rules, each with a test of its name in tests/jobserver/test_flags.py:

- words are separated by blanks; a backslash keeps the next character in its word, as make writes them;
- options end at the word `--`: what follows are variable assignments;
- `--jobserver-auth=` (make 4.2 and later) and `--jobserver-fds=` (before) name the pool; the last one wins;
- `R,W` are two descriptors and `fifo:PATH` a named pipe; a negative descriptor says that the pool was not
  passed on; any other name is a semaphore of Windows;
- a first word that does not start with `-` holds single-letter options: only there does `n` mean a dry run.

Source: GNU make manual, "POSIX Jobserver Interaction" and "Communicating Options to a Sub-make"; the cases in
which its implementations differ were found by running make 4.3, make 4.4.1 and the jobserver crate.
"""

import re
from dataclasses import dataclass

_AUTH_WORDS = ("--jobserver-auth=", "--jobserver-fds=")
_DESCRIPTORS = re.compile(r"(-?[0-9]{1,18}),(-?[0-9]{1,18})")  # longer ones are no numbers to int() either
_WORD = re.compile(r"(?:\\.|[^\s\\]|\\$)+", re.DOTALL | re.ASCII)
_JOBS = re.compile(r"-j([0-9]{0,18})|--jobs(?:=([0-9]{1,18}))?")


@dataclass(frozen=True, slots=True)
class PipeAuth:
    """The pool is a pipe: two descriptors, inherited under these numbers."""

    read_fd: int
    write_fd: int

    def __str__(self) -> str:
        return f"{self.read_fd},{self.write_fd}"


@dataclass(frozen=True, slots=True)
class FifoAuth:
    """The pool is a named pipe, opened by whoever wants to join."""

    path: str

    def __str__(self) -> str:
        return f"fifo:{self.path}"


@dataclass(frozen=True, slots=True)
class SemaphoreAuth:
    """The pool is a named semaphore of Windows, which POSIX systems decline."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Disabled:
    """There is a pool, and this process was told not to use it (make passes negative descriptors)."""

    text: str

    def __str__(self) -> str:
        return self.text


Auth = PipeAuth | FifoAuth | SemaphoreAuth | Disabled


@dataclass(frozen=True, slots=True)
class MakeFlags:
    """What a MAKEFLAGS text says that matters here."""

    auth: Auth | None = None
    """The pool, or None where the text names none."""
    jobs: int | None = None
    """The number behind -j; 0 where -j stands alone (no limit); None where there is no -j."""
    dry_run: bool = False


def parse(text: str) -> MakeFlags:
    """Read a MAKEFLAGS text. Never raises: what it does not know, it passes over.

    A text from the environment may hold bytes that are no UTF-8; os.environ's surrogates pass through.
    """
    auth: Auth | None = None
    jobs: int | None = None
    options = _options(text)
    for word in options:
        for spelling in _AUTH_WORDS:
            if word.startswith(spelling):
                auth = _auth(word[len(spelling) :])
        match = _JOBS.fullmatch(word)
        if match:
            jobs = int(match[1] or match[2] or 0)
    dry_run = bool(options) and not text[:1].isspace() and _is_letters(options[0]) and "n" in options[0]
    return MakeFlags(auth, jobs, dry_run)


def with_auth(text: str, auth: PipeAuth | FifoAuth | None, jobs: int) -> str:
    """Return the text with its pool and -j replaced by `auth` and `jobs`; every other word stays.

    `auth` None takes the pool away. Raises ValueError for a fifo whose path has a blank or a backslash, which no
    client could read back.
    """
    if isinstance(auth, FifoAuth) and not can_be_said(auth.path):
        raise ValueError(f"{auth.path!r}: a path with blanks or backslashes cannot be said in MAKEFLAGS")
    words = _WORD.findall(text)
    if words and re.search(r"(?<!\\)(?:\\\\)*\\\Z", words[-1]):
        words[-1] += "\\"  # a last backslash with nothing behind it would take the blank before what is added
    end = next((at for at, word in enumerate(words) if _said(word) == "--"), len(words))
    options = words[:end]
    letters = options.pop(0) if options and not text[:1].isspace() and _is_letters(_said(options[0])) else ""
    kept = [word for word in options if not _names_a_pool(_said(word))]
    added: list[str] = []
    if auth is not None:
        added.append(f"-j{jobs}")
        if isinstance(auth, PipeAuth):
            added.append(f"--jobserver-fds={auth}")  # make before 4.2 knows this spelling only
        added.append(f"--jobserver-auth={auth}")
    # A leading blank says that the first word is no bundle of single-letter options.
    return " ".join([letters, *kept, *added, *words[end:]])


def can_be_said(path: str) -> bool:
    """Tell whether every client reads this fifo's path back as it is."""
    return re.search(r"[\s\\]", path, re.ASCII) is None


def _options(text: str) -> list[str]:
    words = [_said(word) for word in _WORD.findall(text)]
    return words[: words.index("--")] if "--" in words else words


def _said(word: str) -> str:
    """Return what a word says, its backslashes taken away."""
    return re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL)


def _is_letters(word: str) -> bool:
    return not word.startswith("-") and "=" not in word


def _names_a_pool(word: str) -> bool:
    return word.startswith(_AUTH_WORDS) or _JOBS.fullmatch(word) is not None


def _auth(value: str) -> Auth:
    if value.startswith("fifo:"):
        return FifoAuth(value[len("fifo:") :])
    match = _DESCRIPTORS.fullmatch(value)
    if not match:
        return SemaphoreAuth(value)
    read_fd, write_fd = int(match[1]), int(match[2])
    return Disabled(value) if read_fd < 0 or write_fd < 0 else PipeAuth(read_fd, write_fd)
