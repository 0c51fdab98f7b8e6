"""`jeton ninja`: ninja's own arguments, words and exit status, for programs that expect ninja. Owns only that face.

`CMAKE_MAKE_PROGRAM=jeton-ninja` and `NINJA=jeton-ninja` make CMake and Meson call it.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from jeton.build import Build, BuildError, Options, Result
from jeton.build.ninja import NINJA_VERSION
from jeton.cli.ninja_tools import TOOLS, ToolUsage, run_tool
from jeton.jobserver import MAX_JOBS, default_jobs
from jeton.report import NinjaProgress
from jeton.report.stats import stats
from jeton.trace import STREAM, BuildOutcome, Recording

_USAGE = """\
usage: ninja [options] [targets...]

if targets are unspecified, builds the 'default' target (see manual).

options:
  --version      print the version of ninja that is understood ("{version}")
  -v, --verbose  show all command lines while building
  --quiet        don't show progress status, just command output

  -C DIR   change to DIR before doing anything else
  -f FILE  specify input build file [default=build.ninja]

  -j N     run N jobs in parallel (0 means infinity) [default: the jobserver's, else {jobs} on this machine]
  -k N     keep going until N jobs fail (0 means infinity) [default=1]
  -l N     do not start new jobs if the load average is greater than N
  -n       dry run (don't run commands but act like they succeeded)

  -d MODE  enable debugging (use '-d list' to list modes)
  -t TOOL  run a subtool (use '-t list' to list subtools)
    terminates toplevel options; further flags are passed to the tool
  -w FLAG  adjust warnings (use '-w list' to list warnings)
"""

_DEBUG_MODES = {
    "stats": "print the number of steps and how long they took",
    "explain": "explain what caused a command to execute",
    "keepdepfile": "don't delete depfiles after they're read by ninja",
    "keeprsp": "don't delete @response files on success",
}
_WARNINGS = {"phonycycle": "phony build statement references itself"}


class _UsageError(Exception):
    """The arguments are wrong; the text says how."""


@dataclass(slots=True)
class _Arguments:
    """What ninja's command line says."""

    folder: str = ""
    manifest: str = "build.ninja"
    jobs: int | None = None
    keep_going: int = 1
    load: float = 0.0
    dry_run: bool = False
    verbose: bool = False
    quiet: bool = False
    debug: set[str] = field(default_factory=set)
    phony_cycle_is_error: bool = False
    tool: str = ""
    rest: list[str] = field(default_factory=list)
    """Targets, or the tool's own arguments."""


def run(argv: Sequence[str]) -> int:
    """Do what `ninja argv` does; return the exit status."""
    try:
        arguments = _parse(argv)
        return arguments if isinstance(arguments, int) else _run(arguments)
    except _UsageError as error:
        _say(f"ninja: {error}")
        sys.stderr.write(_usage())
    except ToolUsage as error:
        _say(str(error))
    except (BuildError, ValueError) as error:
        _say(f"ninja: error: {error}")
    except BrokenPipeError:
        with suppress(OSError):  # whoever read the output has left
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _run(arguments: _Arguments) -> int:
    if arguments.folder:
        if not arguments.tool and not arguments.quiet:
            # Editors read this line to find the files that compilers name.
            print(f"ninja: Entering directory `{arguments.folder}'", flush=True)
        try:
            os.chdir(arguments.folder)
        except OSError as error:
            raise BuildError(f"chdir to '{arguments.folder}' - {error.strerror}") from None
    options = Options(
        arguments.manifest,
        arguments.jobs,
        arguments.keep_going,
        arguments.dry_run,
        arguments.load,
        "keepdepfile" in arguments.debug,
        "keeprsp" in arguments.debug,
        allow_phony_cycles=not arguments.phony_cycle_is_error,
        pressure_limit=0.0,  # ninja has no such brake, nor an option to turn one off
    )
    build = Build(options, warn=_warn, explain=_explain if "explain" in arguments.debug else None)
    if arguments.tool:
        return run_tool(arguments.tool, arguments.rest, build, verbose=arguments.verbose)
    return _build(build, arguments)


def _build(build: Build, arguments: _Arguments) -> int:
    progress = NinjaProgress(
        sys.stdout.buffer,
        status=os.environ.get("NINJA_STATUS"),
        verbose=arguments.verbose,
        quiet=arguments.quiet,
        columns=_columns(),
        colour=_columns() is not None or os.environ.get("CLICOLOR_FORCE", "0") != "0",
        jobs=arguments.jobs or default_jobs(),
    )
    recording = Recording() if "stats" in arguments.debug else None
    with ExitStack() as listening:
        if recording is not None:
            listening.enter_context(STREAM.listening(recording))
        listening.enter_context(STREAM.listening(progress))
        listening.callback(progress.finish)
        result = build.run(arguments.rest)
    status = _conclude(result, arguments)
    if recording is not None:
        print(*stats(recording.records()), sep="\n")
    return status


def _conclude(result: Result, arguments: _Arguments) -> int:
    """Say how the build ended in ninja's words; return its exit status."""
    if result.manifest_failed:
        raise BuildError(f"rebuilding '{arguments.manifest}': subcommand failed")
    if result.outcome is BuildOutcome.NOTHING_TO_DO and not arguments.quiet:
        print("ninja: no work to do.")
    if result.outcome is BuildOutcome.INTERRUPTED:
        print("ninja: build stopped: interrupted by user.")
        return 130
    if result.outcome is BuildOutcome.FAILED:
        several = arguments.keep_going != 1 and result.failures < arguments.keep_going
        why = (
            "cannot make progress due to previous errors"
            if several or not arguments.keep_going
            else ("subcommands failed" if arguments.keep_going > 1 else "subcommand failed")
        )
        print(f"ninja: build stopped: {why}.")
        return result.status if result.status > 0 else 128 - result.status
    return 0


def _parse(argv: Sequence[str]) -> "_Arguments | int":
    """Read the arguments, or answer them at once and return the exit status. Raises _UsageError."""
    arguments = _Arguments()
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            arguments.rest += words
            break
        if word.startswith("--"):
            status = _long_option(word, arguments)
            if status is not None:
                return status
        elif word.startswith("-") and word != "-":
            status = _short_options(word, words, arguments)
            if status is not None:
                return status
            if arguments.tool:
                arguments.rest += words
                break
        else:
            arguments.rest.append(word)
    return arguments


def _long_option(word: str, arguments: _Arguments) -> int | None:
    if word == "--version":
        print(NINJA_VERSION)
        return 0
    if word == "--help":
        sys.stderr.write(_usage())
        return 1
    if word == "--verbose":
        arguments.verbose = True
    elif word == "--quiet":
        arguments.quiet = True
    else:
        raise _UsageError(f"unrecognized option '{word}'")
    return None


def _short_options(word: str, words: list[str], arguments: _Arguments) -> int | None:
    """Read one word of single-letter options, as getopt does; a value may stand in the next word."""
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter == "h":
            sys.stderr.write(_usage())
            return 1
        if letter == "n":
            arguments.dry_run = True
        elif letter == "v":
            arguments.verbose = True
        elif letter in "Cfjkldtw":
            if not letters and not words:
                raise _UsageError(f"option requires an argument -- '{letter}'")
            value = letters or words.pop(0)
            return _option_with_value(letter, value, arguments)
        else:
            raise _UsageError(f"invalid option -- '{letter}'")
    return None


def _option_with_value(letter: str, value: str, arguments: _Arguments) -> int | None:
    if letter == "C":
        arguments.folder = value
    elif letter == "f":
        arguments.manifest = value
    elif letter == "j":
        # 0 is ninja's word for no limit; beyond the largest pool, more makes no difference.
        arguments.jobs = min(_number(value, "-j") or MAX_JOBS, MAX_JOBS)
    elif letter == "k":
        arguments.keep_going = max(0, _number(value, "-k", negative=True))
    elif letter == "l":
        try:
            arguments.load = float(value)
        except ValueError:
            raise _UsageError("-l parameter not numeric: did you mean -l 0.0?") from None
    elif letter == "d":
        return _debug_mode(value, arguments)
    elif letter == "w":
        return _warning(value, arguments)
    else:
        if value == "list":
            print("ninja subtools:")
            for name, tool in TOOLS.items():
                print(f"{name:>18}  {tool.about}")
            return 0
        arguments.tool = value
    return None


def _debug_mode(value: str, arguments: _Arguments) -> int | None:
    if value == "list":
        print("debugging modes:")
        for name, about in _DEBUG_MODES.items():
            print(f"  {name:<12} {about}")
        print("multiple modes can be enabled via -d FOO -d BAR")
        return 1
    if value not in _DEBUG_MODES:
        raise _UsageError(f"error: unknown debug setting '{value}'")
    arguments.debug.add(value)
    return None


def _warning(value: str, arguments: _Arguments) -> int | None:
    if value == "list":
        print("warning flags:")
        for name, about in _WARNINGS.items():
            print(f"  {name}={{err,warn}}  {about}")
        return 1
    if value == "phonycycle=err":
        arguments.phony_cycle_is_error = True
    elif value not in ("phonycycle=warn", "dupbuild=err", "dupbuild=warn", "depfilemulti=err", "depfilemulti=warn"):
        raise _UsageError(f"error: unknown warning flag '{value}'")
    return None


def _number(value: str, option: str, *, negative: bool = False) -> int:
    try:
        number = int(value)
    except ValueError:
        raise _UsageError(f"error: {option} parameter not numeric; did you mean {option} 0?") from None
    if number < 0 and not negative:
        raise _UsageError(f"error: invalid {option} parameter")
    return number


def _usage() -> str:
    return _USAGE.format(version=NINJA_VERSION, jobs=default_jobs())


def _columns() -> int | None:
    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return shutil.get_terminal_size().columns
    return None


def _say(line: str) -> None:
    sys.stdout.flush()
    print(line, file=sys.stderr, flush=True)


def _warn(line: str) -> None:
    _say(f"ninja: warning: {line}")


def _explain(why: str) -> None:
    _say(f"ninja explain: {why}")
