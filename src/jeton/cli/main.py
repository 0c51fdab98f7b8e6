"""Where the programs `jeton` and `jeton-ninja` begin. Owns what holds for every command; knows none of them.

It imports only what is called: a build tool is started many times a day to find that there is nothing to do.
"""

import signal
import sys


def main() -> None:
    """Run `jeton` with the arguments of this process."""
    if sys.argv[1:2] == ["ninja"]:
        sys.argv[:2] = ["jeton-ninja"]  # every word is ninja's, `--` included
        ninja()
    _let_children_be_waited_for()
    from jeton.cli.commands import jeton  # noqa: PLC0415  click is most of the start-up, and ninja's face needs none of it

    jeton(prog_name="jeton")


def ninja() -> None:
    """Run `jeton ninja` with the arguments of this process: a program that can stand where ninja is expected."""
    _let_children_be_waited_for()
    from jeton.cli.ninja import run  # noqa: PLC0415  the other commands do not need it

    sys.exit(run(sys.argv[1:]))


def _let_children_be_waited_for() -> None:
    """Take SIGCHLD as it is by default: whoever started us may ignore it, and that is inherited."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
