"""What policies that do nothing useful score on the tasks of an evaluation, where an environment says so."""

from collections.abc import Mapping
from typing import Any

from infopo.envs import get_spec, members, resolve_options
from infopo.envs.registry import Split
from infopo.rollout.schedule import spread

Floors = Mapping[str, Mapping[str, float]]  # by environment, by policy


def floors_of(env: str, env_options: Mapping[str, Any], *, episodes: int, split: Split) -> Floors:
    """The floors of the tasks that an evaluation with these arguments plays; empty where no environment has any."""
    found = {}
    for member, share in spread(members(env, split, **env_options), episodes):
        measure = get_spec(member.env_id).floors
        if measure is not None and share:
            found[member.env_id] = dict(measure(range(share), split, resolve_options(member.env_id, member.options)))
    return found


def floor_lines(floors: Floors) -> list[str]:
    """One line an environment, to stand beside its score.

    >>> floor_lines({"tau2/retail": {"do nothing": 0.05, "transfer": 0.0}})
    ['floors     tau2/retail: do nothing 5.0 %, transfer 0.0 %']
    """
    return [
        f"floors     {env_id}: {', '.join(f'{name} {100 * rate:.1f} %' for name, rate in rates.items())}"
        for env_id, rates in floors.items()
    ]
