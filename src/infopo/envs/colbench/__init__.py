"""`colbench/code`: work out a Python function with a user who knows what it has to do; hidden tests decide.

The agent asks (`Which days are free?`, or `[action] Which days are free?`) and answers with the published marker
(`I WANT TO ANSWER: def ...`), on its tenth message at the latest. What it writes runs in a sandbox and nowhere else.
"""

from dataclasses import replace

from infopo.core import Message, UserError
from infopo.envs.base import Env
from infopo.envs.colbench.bank import functions, make_task
from infopo.envs.colbench.checker import BrokenTaskError, Checker
from infopo.envs.colbench.env import CodeEnv, Problem
from infopo.envs.colbench.expert import CodeExpert
from infopo.envs.colbench.options import ENV_ID, CodeOptions
from infopo.envs.colbench.published import published_tasks
from infopo.envs.colbench.task import Task
from infopo.envs.colbench.texts import STANDARD, TEXTS, opening, system
from infopo.envs.colbench.user import ChatUser, ScriptedUser
from infopo.envs.registry import Canary, EnvSpec, Split
from infopo.users.names import make_user, parse_user

__all__ = ["SPEC", "BrokenTaskError", "CodeEnv", "CodeExpert", "CodeOptions"]


def _num_tasks(split: Split, options: CodeOptions) -> int:
    if options.data is not None:
        return len(published_tasks(options.data, split))
    return len(functions(options.difficulty, split))


def _build(index: int, split: Split, seed: int, user: str | None, options: CodeOptions) -> Env:
    if options.data is not None:
        return _published(index, split, user, options)
    return _own(make_task(index, split, options), seed, user, options)


def _own(task: Task, seed: int, user: str | None, options: CodeOptions) -> CodeEnv:
    texts, family = TEXTS[options.difficulty], task.family
    script = ScriptedUser(task, texts, seed=seed, unanswered=options.unanswered)
    brief = "You want: " + "; ".join(f"{fact.topic}: {task.answers[fact.name]}" for fact in family.facts)
    return CodeEnv(
        Problem(
            task_id=task.task_id,
            opening=opening(task, options.difficulty, options.max_turns),
            reference=family.write(**task.facts),
            facts=[fact.name for fact in family.facts],
            told=task.told,
        ),
        make_user(user, script, task_id=task.task_id, seed=seed, brief=brief),
        Checker(family.calls, options, where=task.task_id, expected=family.expected(task.facts)),
        texts=texts,
        options=options,
    )


def _published(index: int, split: Split, user: str | None, options: CodeOptions) -> CodeEnv:
    task = published_tasks(str(options.data), split)[index]
    name = parse_user(user)
    if name.kind != "llm" or name.argument is None:
        raise UserError(f"published tasks of {ENV_ID} are played by a language model: name one, --user llm:NAME")
    from infopo.users.llm import open_chat

    chat = open_chat(name.argument)
    return CodeEnv(
        Problem(
            task_id=f"{ENV_ID}/published/{split}/{index}",
            opening=(system(options.max_turns), Message(role="user", content=task.request)),
            reference=task.reference,
        ),
        ChatUser(task.request, task.reference, chat, hard_cut=options.scope == "official"),
        Checker(task.calls, options, where=task.where, reference=task.reference),
        texts=STANDARD,
        options=options,
    )


def _canary(seed: int, options: CodeOptions) -> Canary:
    """A task whose facts are said in no words: whoever sees one has seen what the user has in mind."""
    task = make_task(seed, "train", options)
    answers = {name: said if name in task.told else f"zq{name}zq" for name, said in task.answers.items()}
    env = _own(replace(task, answers=answers), seed, None, options)
    hidden = {name: (said,) for name, said in answers.items() if name not in task.told}
    return Canary(env=env, secrets={**hidden, "the reference": (str(env.reference_answer()).strip(),)})


SPEC = EnvSpec(
    env_id=ENV_ID,
    summary="work out a Python function with a user; hidden tests decide",
    options=CodeOptions,
    num_tasks=_num_tasks,
    build=_build,
    expert=CodeExpert,
    canary=_canary,
)
