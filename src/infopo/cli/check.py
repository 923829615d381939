"""`infopo check env`: does an environment keep to the protocol?"""

from collections.abc import Sequence
from typing import Any

from infopo.cli.arguments import take_options
from infopo.core import UserError
from infopo.envs import members
from infopo.envs.check import inspect_env

USAGE = (
    "usage: infopo check env ID [--env-options.NAME VALUE]\n\n"
    "Play some tasks of an environment and check its side of the protocol. ID is a name that `infopo envs` lists, or\n"
    "module:SPEC for one of your own; of a mixture, every member is checked. Exit code 1 where something is wrong."
)


def run(arguments: Sequence[str]) -> int:
    """One line a check; the problems under it."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(USAGE)
        return 0
    rest, options = take_options(arguments, ("env_options",))
    if len(rest) != 2 or rest[0] != "env":
        raise UserError(f"infopo check takes `env` and one ID, got {' '.join(rest)}; see infopo check --help")
    played = members(rest[1], "train", **options.get("env_options", {}))
    return max([_check(member.env_id, member.options) for member in played])


def _check(env_id: str, options: dict[str, Any]) -> int:
    failed = 0
    for finding in inspect_env(env_id, **options):
        verdict = "not checked" if finding.problems is None else "WRONG" if finding.problems else "ok"
        failed += bool(finding.problems)
        print(f"{verdict:11s} {finding.name:13s} {finding.asks}")
        for problem in finding.problems or ():
            print(f"{'':11s} - {problem}")
    print(f"{env_id}: {failed} checks failed" if failed else f"{env_id} keeps to the protocol")
    return 1 if failed else 0
