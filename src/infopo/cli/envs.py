"""`infopo envs`: what there is to play."""

import dataclasses
from collections.abc import Sequence

from infopo.core import UserError
from infopo.envs.mixtures import MIXTURES, read_mixture
from infopo.envs.registry import get_spec, list_envs


def run(arguments: Sequence[str]) -> int:
    """List every environment, or one with its options: `infopo envs [ID]`."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print("usage: infopo envs [ID]\n\nList the environments and mixtures, or one with its tasks and options.")
        return 0
    if len(arguments) > 1:
        raise UserError(f"infopo envs takes one environment, got {' '.join(arguments)}")
    if arguments:
        _describe(arguments[0])
    else:
        for env_id in list_envs():
            print(f"{env_id:18s} {get_spec(env_id).summary}")
        print("mixtures, and any other as ID:WEIGHT,ID:WEIGHT:")
        for env_id, weights in MIXTURES.items():
            print(f"{env_id:18s} {', '.join(weights)}")
    return 0


def _describe(env_id: str) -> None:
    weights = read_mixture(env_id)
    if weights is not None:
        print(f"{env_id}: a mixture; its members take turns by weight")
        for name, weight in weights.items():
            print(f"  {name:20s} {weight}")
        print("options: --env-options.NAME VALUE for every member that has it, --env-options.ID.NAME VALUE for one")
        return
    spec = get_spec(env_id)
    options = spec.options()
    counts = {split: spec.num_tasks(split, options) for split in ("train", "test")}  # type: ignore[arg-type]
    print(f"{env_id}: {spec.summary}")
    print(f"tasks: {counts['train']} for training, {counts['test']} for testing")
    print("options (--env-options.NAME VALUE), with their defaults:")
    for field in dataclasses.fields(spec.options):
        print(f"  {field.name:20s} {getattr(options, field.name)}")
    print(" ".join((spec.options.__doc__ or "").split()))
