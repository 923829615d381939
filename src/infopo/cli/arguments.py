"""Typed flags from dataclasses (by tyro), with free-form options beside them, and errors of one line."""

import contextlib
import io
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml

from infopo.core import UserError
from infopo.core.typed_data import dotted_names

T = TypeVar("T")
_SCIENTIFIC = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")  # text to YAML
_BOX = re.compile(r"^[\s│|]+|[\s│|]+$")
_EDGE = re.compile(r"^[\s╭╮╰╯─│]*$|^╭")


def take_options(arguments: Sequence[str], groups: Sequence[str]) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Take `--env-options.NAME VALUE` (or `=VALUE`) out, for the mappings named in `groups`; values are read as YAML.

    >>> take_options(["--steps", "3", "--env-options.tier=33"], ["env_options"])
    (['--steps', '3'], {'env_options': {'tier': 33}})
    """
    rest: list[str] = []
    taken: dict[str, dict[str, Any]] = {}
    pending = iter(arguments)
    for argument in pending:
        head, equals, value = argument.partition("=")
        group, _, name = head.removeprefix("--").replace("-", "_").partition(".")
        if not head.startswith("--") or group not in groups or not name:
            rest.append(argument)
            continue
        if not equals:
            value = next(pending, "--")
            if value.startswith("--"):
                raise UserError(f"{head} needs a value, such as {head} 1")
        taken.setdefault(group, {})[name] = _scalar(value, head)
    return rest, taken


def take_subject(arguments: list[str], needs: str) -> Path | None:
    """Take the file or folder out that a command is about and that stands first; None where only help is asked for.

    `needs` says what is missing where nothing stands there: a `UserError`.
    """
    if arguments and not arguments[0].startswith("-"):
        return Path(arguments.pop(0))
    if any(argument in ("-h", "--help") for argument in arguments):
        return None
    raise UserError(needs)


def parse(
    kind: type[T],
    arguments: Sequence[str],
    *,
    command: str,
    default: T | None = None,
    hidden_prefix: str = "",
    free: Sequence[str] = (),
) -> T:
    """Flags as an instance of `kind`. Prints the help and exits on `--help`.

    `hidden_prefix` is the field whose own fields are flags without its name; `free` names the mappings that
    `take_options` reads, for suggestions. Raises `UserError`: an unknown flag (with the nearest one), a bad value.
    """
    import tyro

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            result, unknown = tyro.cli(
                kind,
                prog=f"infopo {command}",
                args=list(arguments),
                default=default,
                return_unknown_args=True,
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UserError(_first_line(said.getvalue())) from None
    if unknown:
        names = [name.removeprefix(hidden_prefix + ".").replace("_", "-") for name in dotted_names(kind)]
        bare = {name.rpartition(".")[0] for name in free}  # a mapping is no flag without the name of an entry
        _refuse(unknown[0], [flag for name in names if (flag := f"--{name}") not in bare] + list(free), command)
    assert isinstance(result, kind)
    return result


def _refuse(argument: str, known: list[str], command: str) -> None:
    if not argument.startswith("-"):
        raise UserError(f"unexpected argument {argument!r}; see infopo {command} --help")
    flag = argument.partition("=")[0]
    near = get_close_matches(flag, known, n=1, cutoff=0.7)
    if not near:  # the prefix was left out, or is another one
        last = {name.removeprefix("--").rpartition(".")[2]: name for name in reversed(known)}
        near = [
            last[name]
            for name in get_close_matches(flag.removeprefix("--").rpartition(".")[2], list(last), n=1, cutoff=0.7)
        ]
    hint = f"did you mean {near[0]}?" if near else f"see infopo {command} --help"
    raise UserError(f"unknown option {flag}; {hint}")


def _scalar(text: str, flag: str) -> Any:
    if _SCIENTIFIC.fullmatch(text):
        return float(text)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{flag}: {text!r} cannot be read as a value; put quotes around text") from error


def _first_line(box: str) -> str:
    """What a framed error message says first."""
    lines = [_BOX.sub("", line) for line in box.splitlines() if not _EDGE.match(line)]
    said: list[str] = []
    for line in lines:
        if set(line) <= {"─"} or line.startswith("Argument helptext"):
            break
        said.append(line)
    return " ".join(said) or "the arguments could not be read"
