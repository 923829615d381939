"""`infopo COMMAND ...`: finds the command, and turns errors into one line and an exit code.

Exit codes: 0 done, 1 the run could not go on, 2 bad input, 130 stopped by Ctrl-C.
"""

import errno
import importlib
import os
import sys
from collections.abc import Sequence

from infopo.cli import output
from infopo.core import InfopoError, UnknownNameError, UserError

# Threads that wait for work must not spin: on a busy machine spinning made training several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_OUTPUT_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

COMMANDS = {
    "demo": ("infopo.cli.demo", "the whole story on a laptop: evaluate, train, evaluate, show a dialogue"),
    "train": ("infopo.cli.train", "train a policy, or resume a run"),
    "eval": ("infopo.cli.eval", "play test tasks: success with an interval, and behaviour"),
    "gain-report": ("infopo.cli.gain_report", "which replies changed what the agent did next, in a recorded run"),
    "view": ("infopo.cli.view", "the dialogues of a run, in the terminal"),
    "report": ("infopo.cli.report", "what runs did, on one page and in tables, side by side"),
    "score": ("infopo.cli.score", "what each reply was worth, in conversations that you already have"),
    "play": ("infopo.cli.play", "play the user, or the agent, yourself; gains shown live"),
    "export": ("infopo.cli.export", "a run as an inspect-ai log or a model card"),
    "envs": ("infopo.cli.envs", "list environments and their options"),
    "check": ("infopo.cli.check", "check that an environment keeps to the protocol"),
    "init": ("infopo.cli.init", "write an environment of your own, its user and its test, to start from"),
    "algos": ("infopo.cli.algos", "list training methods"),
    "doctor": ("infopo.cli.doctor", "show what this machine has, and what is missing"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    output.prepare()
    try:
        return _dispatch(given)
    except UserError as error:
        return _report(error, 2)
    except InfopoError as error:
        return _report(error, 1)
    except KeyboardInterrupt as stop:
        print(f"infopo: {str(stop) or 'stopped by Ctrl-C'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, `head` for one, has left
        output.give_up()
        return 0
    except OSError as error:
        if error.filename is not None or error.errno not in _OUTPUT_REFUSED:  # not our output, which has no file name
            raise
        output.give_up()
        print(f"infopo: cannot write the output: {error.strerror}; send it elsewhere", file=sys.stderr)
        return 1


def _dispatch(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if given[0] == "--version":
        from infopo import __version__

        print(f"infopo {__version__}")
        return 0
    if given[0] not in COMMANDS:
        raise UnknownNameError("command", given[0], list(COMMANDS))
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # so that `--env my_env:SPEC` finds the module in this folder
    code = importlib.import_module(COMMANDS[given[0]][0]).run(given[1:])
    sys.stdout.flush()  # so that a broken pipe shows here
    return int(code)


def _help() -> str:
    lines = ["usage: infopo COMMAND [OPTIONS]", "", "Train agents to find out what they need to know, and then to act."]
    lines += ["", *(f"  {name:11s} {summary}" for name, (_, summary) in COMMANDS.items())]
    return "\n".join([*lines, "", "infopo COMMAND --help shows the options of a command."])


def _report(error: InfopoError, code: int) -> int:
    print(f"infopo: {output.plain(str(error))}", file=sys.stderr)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
