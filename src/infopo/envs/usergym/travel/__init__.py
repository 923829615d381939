"""`usergym/travel`: plan a trip for a user who does not say what they like until asked.

Each aspect of the trip (flight, hotel, ...) has hidden preferences and a database of options. The agent searches
(`[search] flight rome june`), asks (`[action] which seat ?`) and books (`[answer] F3`), once an aspect. The best
option is the cheapest one that fits every preference of the aspect. Mode `upstream` plays by the published rules.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infopo.envs.base import Env, Expert
from infopo.envs.episode import NO_INFORMATION
from infopo.envs.registry import Canary, EnvSpec, ExpertKind, Split
from infopo.envs.usergym.travel.bank import make_task, num_tasks
from infopo.envs.usergym.travel.dialects import dialect_of
from infopo.envs.usergym.travel.env import TravelEnv, brief_of
from infopo.envs.usergym.travel.expert import TravelExpert
from infopo.envs.usergym.travel.options import ENV_ID, PUBLISHED, TRAINING, TravelOptions
from infopo.envs.usergym.travel.task import Task
from infopo.envs.usergym.travel.upstream_env import UpstreamTravelEnv
from infopo.envs.usergym.travel.upstream_task import load_records, read_trip, trip_of
from infopo.envs.usergym.travel.upstream_texts import UPSTREAM_TEXTS
from infopo.envs.usergym.travel.upstream_user import ChatMind, ScriptedMind, Traveller
from infopo.envs.usergym.travel.vocabulary import vocabulary
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel
from infopo.users.names import make_user

__all__ = [
    "SPEC",
    "TravelEnv",
    "TravelExpert",
    "TravelOptions",
    "UpstreamTravelEnv",
    "from_upstream",
    "load_records",
]


def from_upstream(record: Any, options: Mapping[str, Any], chat: ChatModel) -> Env:
    """The published gym on an upstream record; `options` are settings by their published names."""
    trip = read_trip(record, f"task of {ENV_ID}")
    rules = read_settings(PUBLISHED, options, ENV_ID)
    mind, texts = ChatMind(trip, chat, text_verdicts=rules.text_verdicts), UPSTREAM_TEXTS["standard"]
    traveller = Traveller(trip, mind, texts, rules=rules, seed=0)
    return UpstreamTravelEnv(trip, traveller, traveller, mind, texts=texts, rules=rules, pays=True)


def _upstream(task: Task, seed: int, user: str | None, options: TravelOptions) -> Env:
    """A task of our own by the published rules, with the settings of the published training runs."""
    dialect = dialect_of(options.difficulty)
    trip = trip_of(task, dialect, seed)
    rules = replace(TRAINING, max_steps=options.turn_limit)
    texts = {**UPSTREAM_TEXTS[options.difficulty], "failed": NO_INFORMATION}
    mind = ScriptedMind(task, dialect, seed=seed, unanswered=options.unanswered)
    traveller = Traveller(trip, mind, texts, rules=rules, seed=seed)
    asked = make_user(user, traveller, task_id=task.task_id, seed=seed, brief=brief_of(task))
    pays = options.reward == "upstream"
    return UpstreamTravelEnv(trip, asked, traveller, mind, texts=texts, rules=rules, pays=pays)


def _build(task: int, split: Split, seed: int, user: str | None, options: TravelOptions) -> Env:
    return _env(make_task(task, split, options), seed, user, options)


def _env(task: Task, seed: int, user: str | None, options: TravelOptions) -> Env:
    if options.mode == "upstream":
        return _upstream(task, seed, user, options)
    return TravelEnv(task, dialect_of(options.difficulty), seed=seed, options=options, user=user)


def _expert(kind: ExpertKind, seed: int, options: TravelOptions) -> Expert:
    return TravelExpert(kind, seed, options)


def _canary(seed: int, options: TravelOptions) -> Canary:
    """An ordinary task: the hints of a wish are said by nobody but the user who tells it."""
    task = make_task(seed, "train", options)
    words = vocabulary(options.difficulty)
    hints = {p.fact: words[p.aspect].topic(p.topic).value(p.value).cues for p in task.preferences}
    secrets = {fact: cues for fact, cues in hints.items() if fact not in task.revealed}
    return Canary(env=_env(task, seed, None, options), secrets=secrets)


SPEC = EnvSpec(
    env_id=ENV_ID,
    summary="plan a trip: search, ask for hidden preferences, book the best option of each aspect",
    options=TravelOptions,
    num_tasks=num_tasks,
    build=_build,
    expert=_expert,
    canary=_canary,
    from_upstream=from_upstream,
)
