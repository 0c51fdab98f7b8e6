"""Holds the command `jeton jobserver` to its word with real makes, ninjas, cargos and compilers below it."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.peers.jobserver_command import (
    Gate,
    environment,
    makefile,
    ninja,
    ninja_manifest,
    run,
    started,
)

if not Path("/proc/self/status").exists():
    pytest.skip("reads /proc", allow_module_level=True)

NINJA = ninja()
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
needs_ninja = pytest.mark.skipif(NINJA is None, reason="needs ninja 1.13")
needs_rust = pytest.mark.skipif(not (shutil.which("cargo") and shutil.which("rustc")), reason="needs cargo and rustc")
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

pytestmark = pytest.mark.peer

CLIENT = """
import os, select, signal, sys
from jeton.jobserver import join_pool
pool = join_pool(os.environ)
def take(pool, number):
    slots = []
    ready = select.poll()
    ready.register(pool._channel.read_fd, select.POLLIN)
    while len(slots) < number:
        slot = pool.try_take()
        if slot is None:
            ready.poll()
        else:
            slots.append(slot)
    return slots
"""


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


def passed(child: "subprocess.Popen[bytes]") -> str:
    """Wait for the command's end, hold it to success, and give what it said."""
    said, _ = child.communicate()
    assert child.returncode == 0, said.decode()
    return said.decode()


def client(code: str) -> list[str]:
    """Give a command that joins the pool and runs this code with it."""
    return [sys.executable, "-c", CLIENT + code]


# Peers: never more at once than the pool has slots, and as many as it has.


@needs_make
@pytest.mark.parametrize("jobs", [1, 3])
def test_make_runs_as_many_recipes_at_once_as_the_pool_has_slots(tmp_path: Path, gate: Gate, jobs: int) -> None:
    makefile(tmp_path / "top", gate, 9)
    with started(f"-j{jobs}", "--", "make", cwd=tmp_path / "top") as child:
        gate.meet(jobs, 9)
        said = passed(child)
    assert gate.most_at_once() == jobs
    assert "jobserver" not in said


@needs_make
def test_makes_below_make_share_the_pool(tmp_path: Path, gate: Gate) -> None:
    for name in ("one", "two"):
        makefile(tmp_path / name, gate, 5)
    (tmp_path / "Makefile").write_text(".PHONY: all one two\nall: one two\none two:\n\t$(MAKE) -C $@\n")
    with started("-j", "3", "make", cwd=tmp_path) as child:
        gate.meet_once(3, 10)
        said = passed(child)
    assert gate.most_at_once() == 3
    assert "jobserver unavailable" not in said


@needs_make
def test_make_keeps_the_flags_that_its_user_gave_it_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text('all:\n\t@false\n\t@echo "flags: $(MAKEFLAGS)"\n')
    done = run("-j2", "--", "make", cwd=tmp_path, env=environment(MAKEFLAGS="is -- CC=clang"))
    assert done.returncode == 0
    assert done.stdout.startswith("flags: is ")
    assert "-- CC=clang" in done.stdout


@needs_ninja
@pytest.mark.parametrize("style", ["auto", "fifo", "pipe"])
def test_ninja_runs_as_many_steps_at_once_as_the_pool_has_slots(tmp_path: Path, gate: Gate, style: str) -> None:
    assert NINJA is not None
    said = subprocess.run([NINJA, "--version"], capture_output=True, text=True, check=True).stdout
    if style == "pipe" and "jobserver" not in said:
        pytest.skip("this ninja speaks no pipe style")
    ninja_manifest(tmp_path / "top", gate, 9)
    with started("-j3", f"--style={style}", "--", NINJA, "-C", tmp_path / "top") as child:
        if style == "pipe":
            # A ninja looks for a token when a step ends and does not wait: by pipe, where one lies at a time, it may
            # find none for a moment.
            gate.meet_once(1, 9)
        else:
            gate.meet(3, 9)
        passed(child)
    assert gate.most_at_once() in ({1, 2, 3} if style == "pipe" else {3})


@needs_make
@needs_ninja
def test_ninja_and_a_make_below_it_share_the_pool(tmp_path: Path, gate: Gate) -> None:
    assert NINJA is not None
    ninja_manifest(tmp_path / "top", gate, 4)
    makefile(tmp_path / "sub", gate, 4)
    with (tmp_path / "top" / "build.ninja").open("a") as manifest:
        manifest.write(f"rule make\n  command = make -C {tmp_path}/sub && touch $out\nbuild sub: make\n")
    said = subprocess.run([NINJA, "--version"], capture_output=True, text=True, check=True).stdout
    if "jobserver" not in said:
        pytest.skip("this ninja speaks no pipe style, and make before 4.4 no other")
    with started("-j3", "--style=pipe", "--", NINJA, "-C", tmp_path / "top") as child:
        gate.meet_once(1, 8)  # of the tokens that ninja finds: it does not wait for more
        passed(child)
    assert gate.most_at_once() <= 3


@needs_rust
def test_cargo_joins_the_pool_and_hands_it_to_build_scripts(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.rs").write_text("fn main() {}\n")
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "tiny"\nversion = "0.1.0"\nedition = "2021"\n')
    (tmp_path / "build.rs").write_text(
        'fn main() { std::fs::write("flags", std::env::var("CARGO_MAKEFLAGS").unwrap()).unwrap(); }\n'
    )
    shown = ["sh", "-c", 'echo "$MAKEFLAGS" > outer; exec cargo build --offline --quiet']
    done = run("-j3", "--", *shown, cwd=tmp_path, env=environment(CARGO_TARGET_DIR=str(tmp_path / "target")))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (auth,) = (word for word in (tmp_path / "outer").read_text().split() if word.startswith("--jobserver-auth="))
    assert auth in (tmp_path / "flags").read_text().split(), "cargo opened no pool of its own"


@needs_rust
@pytest.mark.parametrize("style", ["pipe", "fifo"])
def test_rustc_joins_the_pool_and_returns_what_it_took(tmp_path: Path, style: str) -> None:
    source = tmp_path / "lib.rs"
    modules = (f"pub mod m{n} {{ pub fn f(x: &str) -> String {{ x.repeat({n}) }} }}\n" for n in range(8))
    source.write_text("".join(modules))
    flags = ["-Ccodegen-units=8", "-Copt-level=1", "--crate-type=rlib"]
    compile_it: list[str | Path] = ["rustc", *flags, source, "-o", tmp_path / "lib.rlib"]
    done = run("-j4", "--style", style, "--", *compile_it)
    assert (done.returncode, done.stderr) == (0, "")


@needs_gcc
@needs_make
def test_gcc_s_link_joins_the_pool(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int f(int x) { return x + 1; }\n")
    (tmp_path / "b.c").write_text("int f(int); int main(void) { return f(-1); }\n")
    subprocess.run(["gcc", "-O1", "-flto", "-c", "a.c", "b.c"], cwd=tmp_path, check=True)
    done = run("-j2", "--", "gcc", "-flto=jobserver", "-O1", "a.o", "b.o", "-o", "program", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "jobserver" not in done.stderr
    subprocess.run([tmp_path / "program"], check=True)


# The command's end is the end of `jeton jobserver`.


@pytest.mark.parametrize("status", [0, 1, 2, 7, 126, 127, 255])
def test_the_exit_status_is_the_command_s_own(status: int) -> None:
    done = run("--", "sh", "-c", f"exit {status}")
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGUSR1])
def test_a_command_ended_by_a_signal_is_128_and_its_number(signum: signal.Signals) -> None:
    done = run("-j1", "--", "sh", "-c", f"ulimit -c 0; kill -{int(signum)} $$")
    assert (done.returncode, done.stderr) == (128 + signum, "")


def test_input_and_output_are_the_command_s_own() -> None:
    with started("cat") as child:
        said, _ = child.communicate(b"through and through")
    assert said == b"through and through"


def test_a_command_that_is_not_there_is_127(tmp_path: Path) -> None:
    for missing in ("no-such-command", str(tmp_path / "gone")):
        done = run("--", missing)
        assert done.returncode == 127
        assert done.stderr == f"{missing}: No such file or directory\n"


def test_a_command_that_cannot_run_is_126(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program\n")
    (tmp_path / "empty").write_text("no program\n")
    (tmp_path / "empty").chmod(0o755)
    for name, why in ((".", "Permission denied"), ("text", "Permission denied"), ("empty", "Exec format error")):
        done = run("--", tmp_path / name)
        assert done.returncode == 126
        assert done.stderr == f"{tmp_path / name}: {why}\n"


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    env = environment(TMPDIR=str(tmp_path))
    for words in (["true"], ["false"], ["no-such-command"], ["sh", "-c", "kill -9 $$"]):
        run("--", *words, env=env)
        assert list(tmp_path.iterdir()) == []


# Signals: what jeton gets, the command gets.

TELLS = """
import signal
SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
print("ready", flush=True)
print(signal.sigwait(SIGNALS).name, flush=True)
raise SystemExit(5)
"""


def catches(pid: int, signum: int) -> bool:
    """Tell whether a process has a handler for this signal."""
    caught = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signum - 1) & 1)


def wait_until_it_passes_signals_on(child: "subprocess.Popen[bytes]") -> None:
    """The command runs a moment before jeton has its handlers; SIGUSR2's is the last one."""
    while not catches(child.pid, signal.SIGUSR2):
        assert child.poll() is None


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"])
def test_a_signal_is_passed_on_and_the_command_s_answer_is_the_exit_status(name: str) -> None:
    """Signals by number: 1 from the command, 2 from the test, 3 from the command.

    command: ready (1) ............................... says which it got (3), exits 5
    jeton:             ............ gets it, passes it on                             exits 5
    test:    hears (1), sends it (2)                   hears (3)
    """
    with started("--", sys.executable, "-c", TELLS) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        wait_until_it_passes_signals_on(child)
        child.send_signal(signal.Signals[name])
        assert child.stdout.readline() == f"{name}\n".encode()
        assert child.wait() == 5
        assert child.stdout.read() == b""


def test_a_command_that_dies_of_the_signal_passed_on_is_128_and_its_number() -> None:
    with started("--", "sh", "-c", "echo ready; read line") as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        wait_until_it_passes_signals_on(child)
        child.terminate()
        assert child.wait() == 128 + signal.SIGTERM


COUNTS = """
import signal
SIGNALS = {signal.SIGINT, signal.SIGQUIT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
print("ready", flush=True)
counted = 0
while signal.sigwait(SIGNALS) != signal.SIGTERM:
    counted += 1
    print("got", flush=True)
print(counted, flush=True)
"""


@pytest.mark.parametrize("key", [b"\x03", b"\x1c"], ids=["interrupt", "quit"])
def test_a_key_of_the_terminal_reaches_the_command_once(key: bytes) -> None:
    """The terminal sends its signal to the whole foreground group: jeton must not send another.

    command: ready (1) ....... got (3), .......... counts (5)
    test:    hears (1), key (2), hears (3), TERM to jeton (4), hears (5)
    """
    master, terminal = os.openpty()
    quiet = termios.tcgetattr(terminal)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, quiet)
    with (
        subprocess.Popen(
            [sys.executable, "-m", "jeton", "jobserver", "--", sys.executable, "-c", COUNTS],
            env=environment(),
            stdin=terminal,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  the only way to a terminal of its own
        ) as child,
        ExitStack() as kill_in_time,
    ):
        os.close(terminal)
        kill_in_time.callback(child.kill)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        wait_until_it_passes_signals_on(child)
        os.write(master, key)
        assert child.stdout.readline() == b"got\n"
        child.terminate()
        assert child.stdout.readline() == b"1\n"
        assert child.wait() == 0
    os.close(master)


@needs_make
def test_a_make_that_is_interrupted_returns_its_tokens(tmp_path: Path) -> None:
    """Two recipes run on two slots; then make is told to end, by way of jeton."""
    os.mkfifo(tmp_path / "begun")
    begun = os.open(tmp_path / "begun", os.O_RDWR)
    (tmp_path / "Makefile").write_text("all: a b\na b:\n\t@echo > begun; exec cat begun.not\n")
    os.mkfifo(tmp_path / "begun.not")
    with started("-j2", "--", "make", cwd=tmp_path) as child:
        os.read(begun, 1)
        os.read(begun, 1)
        wait_until_it_passes_signals_on(child)
        child.terminate()
        child.wait()
    os.close(begun)
    assert child.returncode in {2, 128 + signal.SIGTERM}


# Tokens that do not come back.


@pytest.mark.parametrize("style", ["pipe", "fifo"])
@pytest.mark.parametrize("lost", [1, 3])
def test_tokens_of_a_client_that_was_killed_are_nobodys_business(style: str, lost: int) -> None:
    command = client(f"take(pool, 1 + {lost}); os.kill(os.getpid(), signal.SIGKILL)")
    done = run("-j5", "--style", style, "--", *command)
    assert (done.returncode, done.stderr) == (128 + signal.SIGKILL, "")


def test_tokens_that_nobody_took_and_somebody_returned_are_not_told_of() -> None:
    done = run("-j2", "--", *client("pool._channel.give(b'xyz')"))
    assert (done.returncode, done.stderr) == (0, "")


# A pool inside a pool.

SHOW = "print(pool.jobs, len(take(pool, pool.jobs)), pool.try_take(), flush=True); pool.close()"


@pytest.mark.parametrize("outer", ["pipe", "fifo"])
@pytest.mark.parametrize("inner", ["pipe", "fifo"])
def test_jeton_inside_a_pool_joins_it(outer: str, inner: str) -> None:
    nested = [sys.executable, "-m", "jeton", "jobserver", "--style", inner, "--"]
    done = run("-j3", "--style", outer, "--", *nested, *client(SHOW))
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 3 None\n", "")


def test_jeton_inside_a_pool_opens_its_own_where_j_is_given() -> None:
    nested = [sys.executable, "-m", "jeton", "jobserver", "-j5", "--"]
    done = run("-j3", "--", *nested, *client(SHOW))
    assert (done.returncode, done.stdout, done.stderr) == (0, "5 5 None\n", "")


def test_what_was_lost_below_an_inner_jeton_comes_back_at_its_end() -> None:
    """The outer command is a shell: what its first child lost is there for the second, once nobody has its pipes."""
    nested = [sys.executable, "-m", "jeton", "jobserver", "--"]
    killed = client("take(pool, 3); os.kill(os.getpid(), signal.SIGKILL)")
    outer = "from jeton.jobserver import OwnPool; import os, subprocess\n"
    outer += "pool = OwnPool(3)\n"
    outer += f"with pool.invite('', os.environ) as invitation:\n    child = subprocess.Popen({nested + killed}, "
    outer += "env=invitation.environment, pass_fds=invitation.pass_fds)\n"
    outer += "    invitation.started(child.pid)\n    print(child.wait())\n"
    outer += "status = pool.server.status()\nprint(status.free, status.reclaimed)\npool.close()"
    done = subprocess.run([sys.executable, "-c", outer], env=environment(), capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{128 + signal.SIGKILL}\n2 2\n", "")


@needs_make
@pytest.mark.parametrize("outer", ["pipe", "fifo"])
def test_make_below_an_inner_jeton_shares_the_outer_pool(tmp_path: Path, gate: Gate, outer: str) -> None:
    makefile(tmp_path / "top", gate, 6)
    nested = [sys.executable, "-m", "jeton", "jobserver", "--", "make"]
    with started("-j3", "--style", outer, "--", *nested, cwd=tmp_path / "top") as child:
        gate.meet(3, 6)
        passed(child)
    assert gate.most_at_once() == 3


@needs_make
def test_jeton_below_make_joins_make_s_pool(tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(CLIENT + SHOW)
    line = f"{sys.executable} -m jeton jobserver -- {sys.executable} client.py"
    (tmp_path / "Makefile").write_text(f"all:\n\t@+{line}\nunmarked:\n\t@{line}\n")
    make = ["make", "-s", "-j4"]
    done = subprocess.run(make, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "4 4 None\n", "")
    done = subprocess.run(
        [*make, "unmarked"], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "1 1 None\n")
    assert "mark the command with + in its makefile" in done.stderr
    assert "Traceback" not in done.stderr


# Misuse is answered in words.


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 2),
        (["--"], 2),
        (["-j"], 2),
        (["-j", "0", "--", "true"], 2),
        (["-j", "-3", "--", "true"], 2),
        (["-j", "70000", "--", "true"], 2),
        (["-j", "many", "--", "true"], 2),
        (["-j", "9" * 5000, "--", "true"], 2),
        (["--style", "pigeon", "--", "true"], 2),
        (["-j2", "--style=fifo", "--", ""], 127),
        (["-j2", "--", "a\nb"], 127),
        (["-j2", "--", "\udcff"], 127),
        (["-j2", "--", "--help"], 127),
    ],
)
def test_misuse_is_told_without_a_traceback(words: list[str], status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jeton", "jobserver", *words],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == status
    assert done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("--jobserver-auth=fifo:/no/such/fifo", "the server that made the fifo has ended"),
        ("--jobserver-auth=fifo:/dev/null", "the path is not a fifo"),
        ("--jobserver-auth=1000,1001", "the parent did not pass the descriptors on"),
        ("-j2 --jobserver-auth=-2,-2", "the parent did not pass the descriptors on"),
        ("--jobserver-auth=gmake_semaphore_1", "a named semaphore is for Windows"),
    ],
)
def test_a_pool_that_cannot_be_used_is_warned_of_and_an_own_one_helps(flags: str, told: str) -> None:
    done = run("--", "true", env=environment(MAKEFLAGS=flags))
    assert done.returncode == 0
    assert done.stderr.startswith("MAKEFLAGS: ")
    assert told in done.stderr
    assert done.stderr.endswith("; going on with one job at a time\n")
    assert done.stderr.count("\n") == 1
    done = run("-j2", "--", "true", env=environment(MAKEFLAGS=flags))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_temporary_folder_with_a_blank_in_its_name_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    env = environment(TMPDIR=str(tmp_path / "a b"))
    done = run("-j3", "--style=fifo", "--", *client(SHOW), env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 3 None\n", "")


def test_too_few_descriptors_for_a_pool_are_told(tmp_path: Path) -> None:
    limited = ["sh", "-c", 'ulimit -n 5; exec "$@"', "sh", sys.executable, "-m", "jeton", "jobserver", "-j2", "true"]
    env = environment(TMPDIR=str(tmp_path))
    done = subprocess.run(limited, env=env, capture_output=True, text=True, check=False)
    assert list(tmp_path.iterdir()) == []
    assert done.returncode == 1
    assert "Too many open files" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupt_is_passed_on_where_standard_input_is_closed() -> None:
    code = "import os; os.close(0); os.execvp(os.sys.executable, [os.sys.executable, '-m', 'jeton', *os.sys.argv[1:]])"
    command = [sys.executable, "-c", code, "jobserver", "--", sys.executable, "-c", TELLS]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == b"ready\n"
        wait_until_it_passes_signals_on(child)
        child.send_signal(signal.SIGINT)
        failed = child.stderr.readline()
        child.terminate()  # the command ends in any case
        said = child.stdout.read()
    assert (failed, said) == (b"", b"SIGINT\n")


def test_options_behind_the_command_are_the_command_s() -> None:
    done = run("-j2", "echo", "-j9", "--style", "--", "--help")
    assert (done.returncode, done.stdout) == (0, "-j9 --style -- --help\n")
