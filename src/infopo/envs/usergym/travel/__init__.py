"""`usergym/travel`: plan a trip for a user who does not say what they like until asked.

Each aspect of the trip (flight, hotel, ...) has hidden preferences and a database of options. The agent searches
(`[search] flight rome june`), asks (`[action] which seat ?`) and books (`[answer] F3`), once an aspect. The best
option is the cheapest one that fits every preference of the aspect.
"""

from infopo.envs.base import Env, Expert
from infopo.envs.registry import Canary, EnvSpec, ExpertKind, Split
from infopo.envs.usergym.travel.bank import make_task, num_tasks
from infopo.envs.usergym.travel.dialects import dialect_of
from infopo.envs.usergym.travel.env import TravelEnv
from infopo.envs.usergym.travel.expert import TravelExpert
from infopo.envs.usergym.travel.options import TravelOptions
from infopo.envs.usergym.travel.vocabulary import vocabulary

__all__ = ["SPEC", "TravelEnv", "TravelExpert", "TravelOptions"]


def _build(task: int, split: Split, seed: int, user: str | None, options: TravelOptions) -> Env:
    dialect = dialect_of(options.difficulty)
    return TravelEnv(make_task(task, split, options), dialect, seed=seed, options=options, user=user)


def _expert(kind: ExpertKind, seed: int, options: TravelOptions) -> Expert:
    return TravelExpert(kind, seed, options)


def _canary(seed: int, options: TravelOptions) -> Canary:
    """An ordinary task: the hints of a wish are said by nobody but the user who tells it."""
    task = make_task(seed, "train", options)
    env = TravelEnv(task, dialect_of(options.difficulty), seed=seed, options=options)
    words = vocabulary(options.difficulty)
    hints = {p.fact: words[p.aspect].topic(p.topic).value(p.value).cues for p in task.preferences}
    return Canary(env=env, secrets={fact: cues for fact, cues in hints.items() if fact not in task.revealed})


SPEC = EnvSpec(
    env_id="usergym/travel",
    summary="plan a trip: search, ask for hidden preferences, book the best option of each aspect",
    options=TravelOptions,
    num_tasks=num_tasks,
    build=_build,
    expert=_expert,
    canary=_canary,
)
