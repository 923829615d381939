"""`usergym/turtle`: find out what is behind a strange story, with yes/no questions.

The agent asks (`[action] Was it the baker?`) and explains (`[answer] the baker took it to the island ...`). Own
stories hide who did it, where the thing went, why, and how, each worth a part of the score. In mode `fixed` the first
explanation counts, and nobody quotes what it was measured by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from infopo.core import Message
from infopo.envs.base import Env
from infopo.envs.registry import EnvSpec, Split
from infopo.envs.usergym.facet_user import FacetUser
from infopo.envs.usergym.facets import Possible
from infopo.envs.usergym.guessing import GuessEnv, Riddle, Ruler, Ruling, answer_canary
from infopo.envs.usergym.judged import JudgedRuler, named_judge
from infopo.envs.usergym.records import with_records
from infopo.envs.usergym.turtle.bank import Task, make_task, num_tasks, revealed
from infopo.envs.usergym.turtle.chat import ChatOracle, load_records, read_story
from infopo.envs.usergym.turtle.expert import expert
from infopo.envs.usergym.turtle.options import ENV_ID, FIXED, UPSTREAM, TurtleOptions
from infopo.envs.usergym.turtle.texts import STANDARD, TEXTS, UPSTREAM_SYSTEM, covered, explained, opening
from infopo.envs.usergym.turtle.words import CRITERIA, FACETS, WEIGHTS
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel, JudgeRequest, Verdict
from infopo.users.names import make_user

__all__ = ["SPEC", "TurtleOptions", "from_upstream", "load_records"]


def from_upstream(record: Any, options: Mapping[str, Any], chat: ChatModel) -> Env:
    """The published gym on an upstream record (with its key as `id`); `options` are settings by published names."""
    story = read_story(record, f"task of {ENV_ID}")
    rules = read_settings(UPSTREAM, options, ENV_ID)
    riddle = Riddle(
        env_id=ENV_ID,
        task_id=story.task_id,
        opening=(
            Message(role="system", content=UPSTREAM_SYSTEM),
            Message(role="user", content=f"{story.title}\n{story.surface}"),
        ),
        hidden=tuple(f"criterion_{number}" for number in range(len(story.criteria))),
        reference=story.bottom,
        texts={"invalid": STANDARD["invalid"][0], "finish": ""},
    )
    oracle = ChatOracle(story, chat, partial(covered, difficulty="standard"))
    return GuessEnv(riddle, oracle, oracle, rules=rules, pays=True)


def _build(index: int, split: Split, seed: int, user: str | None, options: TurtleOptions) -> Env:
    task = make_task(index, split, options)
    values = dict(task.values)
    told = revealed(task, options)
    texts = TEXTS[options.difficulty]
    riddle = Riddle(
        env_id=ENV_ID,
        task_id=task.task_id,
        opening=opening(task.event, task.thing, [(name, values[name]) for name in told], options.difficulty),
        hidden=tuple(name for name in values if name not in told),
        reference=explained(values, options.difficulty),
        texts={name: texts[name][0] for name in ("invalid", "finish")},
    )
    rules = replace(UPSTREAM if options.mode == "upstream" else FIXED, max_steps=options.max_turns)
    script = _scripted(task, told, seed=seed, options=options)
    answering = make_user(
        user, script, task_id=task.task_id, seed=seed, brief=f"What you have in mind: {riddle.reference}"
    )
    ruler: Ruler = script
    if (judge := named_judge(options.judge)) is not None:
        criteria = tuple(_statement(name, value, options) for name, value in values.items())

        def request(answer: str) -> JudgeRequest:
            told = riddle.opening[-1].content
            return JudgeRequest(question=told, answer=answer, reference=riddle.reference, criteria=criteria)

        def ruling(verdict: Verdict) -> Ruling:
            marks = dict(zip(values, verdict.marks, strict=True))
            score = sum(WEIGHTS[name] * mark for name, mark in marks.items())
            return _ruling(score, [name for name, mark in marks.items() if mark == 1.0], values, options)

        ruler = JudgedRuler(script, judge, request, ruling)
    return GuessEnv(riddle, answering, ruler, rules=rules, pays=options.reward == "upstream")


def _statement(name: str, value: str, options: TurtleOptions) -> str:
    return f"{name} {value}" if options.difficulty == "nano" else CRITERIA[name].format(value=value)


def _ruling(score: float, right: Sequence[str], values: Mapping[str, str], options: TurtleOptions) -> Ruling:
    """What is said of an explanation with this score, `right` what it has in full."""
    if options.mode == "fixed":
        return Ruling(score=score, text=TEXTS[options.difficulty]["thanks"][0])
    statements = [_statement(name, values[name], options) for name in right]
    return Ruling(score=score, text=covered(statements, options.difficulty))


def _scripted(task: Task, told: tuple[str, ...], *, seed: int, options: TurtleOptions) -> FacetUser:
    values, texts = dict(task.values), TEXTS[options.difficulty]
    possible = Possible({facet.name: facet.names for facet in FACETS.facets})
    for name in told:
        possible.state(name, values[name])

    def rate(right: Mapping[str, str | None]) -> Ruling:
        full = [name for name, value in right.items() if value]
        return _ruling(sum(WEIGHTS[name] for name in full), full, values, options)

    return FacetUser(
        FACETS,
        values,
        possible=possible,
        texts=texts,
        rate=rate,
        unanswered=options.unanswered,
        seed_parts=(seed, ENV_ID, task.task_id),
    )


SPEC = with_records(
    EnvSpec(
        env_id=ENV_ID,
        summary="find out what is behind a strange story, with yes/no questions",
        options=TurtleOptions,
        num_tasks=num_tasks,
        build=_build,
        expert=expert,
        canary=answer_canary(_build),
        from_upstream=from_upstream,
    ),
    load_records,
    key="new_title",
)
