"""`usergym/telepathy`: find out which thing the user thinks of, with yes/no questions.

The agent asks (`[action] Is it red or blue?`) and guesses (`[answer] large blue striped boat`), as often as its turns
allow. Own things are a kind, a color, a size and a pattern, so that every question can be decided.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infopo.core import Message
from infopo.envs.base import Env
from infopo.envs.registry import EnvSpec, Split
from infopo.envs.usergym.facet_user import FacetUser
from infopo.envs.usergym.facets import Possible
from infopo.envs.usergym.guessing import GuessEnv, Riddle, Ruler, Ruling, answer_canary
from infopo.envs.usergym.judged import JudgedRuler, named_judge
from infopo.envs.usergym.records import with_records
from infopo.envs.usergym.telepathy.bank import Task, make_task, num_tasks, revealed
from infopo.envs.usergym.telepathy.chat import ChatOracle, load_records, read_entity
from infopo.envs.usergym.telepathy.expert import expert
from infopo.envs.usergym.telepathy.options import ENV_ID, FIXED, UPSTREAM, TelepathyOptions
from infopo.envs.usergym.telepathy.texts import STANDARD, TEXTS, UPSTREAM_SYSTEM, opening
from infopo.envs.usergym.telepathy.words import described, facet_values, facets_of
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel, JudgeRequest, Verdict
from infopo.users.names import make_user

__all__ = ["SPEC", "TelepathyOptions", "from_upstream", "load_records"]


def from_upstream(record: Any, options: Mapping[str, Any], chat: ChatModel) -> Env:
    """The published gym on an upstream record; `options` are settings by their published names."""
    entity = read_entity(record, f"task of {ENV_ID}")
    rules = read_settings(UPSTREAM, options, ENV_ID)
    riddle = Riddle(
        env_id=ENV_ID,
        task_id=entity.task_id,
        opening=(
            Message(role="system", content=UPSTREAM_SYSTEM),
            Message(role="user", content=entity.description),
        ),
        hidden=("entity",),
        reference=entity.title,
        texts={name: STANDARD[name][0] for name in ("invalid", "finish")},
    )
    oracle = ChatOracle(entity, chat)
    return GuessEnv(riddle, oracle, oracle, rules=rules, pays=True)


def _build(index: int, split: Split, seed: int, user: str | None, options: TelepathyOptions) -> Env:
    task = make_task(index, split, options)
    values = dict(task.values)
    told = revealed(task, options)
    texts = TEXTS[options.difficulty]
    riddle = Riddle(
        env_id=ENV_ID,
        task_id=task.task_id,
        opening=opening(task.category, [(name, values[name]) for name in told], options.difficulty),
        hidden=tuple(name for name in values if name not in told),
        reference=described(values),
        texts={name: texts[name][0] for name in ("invalid", "finish")},
    )
    rules = replace(UPSTREAM if options.mode == "upstream" else FIXED, max_steps=options.max_turns)
    script = _scripted(task, told, seed=seed, options=options)
    answering = make_user(
        user, script, task_id=task.task_id, seed=seed, brief=f"What you have in mind: {riddle.reference}"
    )
    ruler: Ruler = script
    if (judge := named_judge(options.judge)) is not None:

        def request(answer: str) -> JudgeRequest:
            return JudgeRequest(question=riddle.opening[-1].content, answer=answer, reference=riddle.reference)

        def ruling(verdict: Verdict) -> Ruling:
            return Ruling(score=float(verdict.success), text=texts["right" if verdict.success else "wrong"][0])

        ruler = JudgedRuler(script, judge, request, ruling)
    return GuessEnv(riddle, answering, ruler, rules=rules, pays=options.reward == "upstream")


def _scripted(task: Task, told: tuple[str, ...], *, seed: int, options: TelepathyOptions) -> FacetUser:
    values, texts = dict(task.values), TEXTS[options.difficulty]
    possible = Possible({"category": (task.category,), **facet_values(task.category)})
    for name in told:
        possible.state(name, values[name])

    def rate(right: Mapping[str, str | None]) -> Ruling:
        hit = all(right.values())  # there is no credit for a part
        return Ruling(score=float(hit), text=texts["right" if hit else "wrong"][0])

    return FacetUser(
        facets_of(task.category),
        {"category": task.category, **values},
        possible=possible,
        texts=texts,
        rate=rate,
        unanswered=options.unanswered,
        seed_parts=(seed, ENV_ID, task.task_id),
    )


SPEC = with_records(
    EnvSpec(
        env_id=ENV_ID,
        summary="find out which thing the user thinks of, with yes/no questions",
        options=TelepathyOptions,
        num_tasks=num_tasks,
        build=_build,
        expert=expert,
        canary=answer_canary(_build),
        from_upstream=from_upstream,
    ),
    load_records,
    key="title",
)
