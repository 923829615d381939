"""`infopo envs`: what there is to play."""

import dataclasses
from collections.abc import Sequence

from infopo.core import UserError
from infopo.envs.registry import get_spec, list_envs


def run(arguments: Sequence[str]) -> int:
    """List every environment, or one with its options: `infopo envs [ID]`."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print("usage: infopo envs [ID]\n\nList the environments, or one with its tasks and options.")
        return 0
    if len(arguments) > 1:
        raise UserError(f"infopo envs takes one environment, got {' '.join(arguments)}")
    if arguments:
        _describe(arguments[0])
    else:
        for env_id in list_envs():
            print(f"{env_id:16s} {get_spec(env_id).summary}")
    return 0


def _describe(env_id: str) -> None:
    spec = get_spec(env_id)
    options = spec.options()
    counts = {split: spec.num_tasks(split, options) for split in ("train", "test")}  # type: ignore[arg-type]
    print(f"{env_id}: {spec.summary}")
    print(f"tasks: {counts['train']} for training, {counts['test']} for testing")
    print("options (--env-options.NAME VALUE), with their defaults:")
    for field in dataclasses.fields(spec.options):
        print(f"  {field.name:20s} {getattr(options, field.name)}")
    print(" ".join((spec.options.__doc__ or "").split()))
