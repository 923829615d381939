"""`usergym/search`: answer a question that takes several facts, with a search engine.

The agent searches (`[search] Velin lamp`, a few times at most) and answers (`[answer] Oldmere`). Own questions are
about small invented worlds with documents of their own. In mode `fixed` the first answer counts.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infopo.envs.base import Env
from infopo.envs.options import check_user
from infopo.envs.registry import Canary, EnvSpec, Split
from infopo.envs.usergym.judged import named_judge
from infopo.envs.usergym.search.bank import make_task, num_tasks
from infopo.envs.usergym.search.corpus import Corpus
from infopo.envs.usergym.search.env import SearchEnv
from infopo.envs.usergym.search.expert import SearchExpert
from infopo.envs.usergym.search.judge import ChatJudge, NamedJudge, ScriptedJudge
from infopo.envs.usergym.search.options import ENV_ID, FIXED, UPSTREAM, SearchOptions
from infopo.envs.usergym.search.task import Hit, RecordedResults, Task, load_records, read_task
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel

__all__ = ["SPEC", "SearchEnv", "SearchExpert", "SearchOptions", "from_upstream", "load_records"]


def from_upstream(record: Any, options: Mapping[str, Any], chat: ChatModel) -> Env:
    """The published gym on an upstream record; `options` are settings by their published names.

    `search_results` among them: one ranked list of hits (title, snippet) a query that reaches the search engine.
    """
    task = read_task(record, f"task of {ENV_ID}")
    settings = {name: value for name, value in options.items() if name != "search_results"}
    return SearchEnv(
        task,
        RecordedResults(options.get("search_results", [])),
        ChatJudge(task, chat),
        seed=0,
        options=SearchOptions(mode="upstream", reward="upstream"),
        rules=read_settings(UPSTREAM, settings, ENV_ID),
    )


def _build(index: int, split: Split, seed: int, user: str | None, options: SearchOptions) -> Env:
    check_user(ENV_ID, user)
    return _env(make_task(index, split, options), seed, options)


def _env(task: Task, seed: int, options: SearchOptions) -> Env:
    rules = replace(UPSTREAM if options.mode == "upstream" else FIXED, max_steps=options.max_turns)
    asked = named_judge(options.judge)
    judge = ScriptedJudge(task) if asked is None else NamedJudge(task, asked)
    return SearchEnv(task, Corpus(task.documents), judge, seed=seed, options=options, rules=rules)


def _canary(seed: int, options: SearchOptions) -> Canary:
    """A world in which who and where the question leads to are no words: whoever sees one has found its document."""
    task = make_task(seed, "train", options)
    first, second = sorted((hit for hit in task.documents if hit.fact), key=lambda hit: str(hit.fact))
    who, where = str(second.title), task.answer
    planted = {str(hit.fact): f"zq{hit.fact}zq" for hit in (first, second)}

    def plant(hit: Hit) -> Hit:
        title, snippet = str(hit.title), str(hit.snippet)
        if hit == first or title == who:
            title, snippet = (text.replace(who, planted["first"]) for text in (title, snippet))
        if hit == second:
            snippet = snippet.replace(where, planted["second"])
        return replace(hit, title=title, snippet=snippet)

    told, documents = (tuple(map(plant, hits)) for hits in (task.told, task.documents))
    env = _env(replace(task, answer=planted["second"], documents=documents, told=told), seed, options)
    return Canary(env=env, secrets={fact: (planted[fact],) for fact in task.facts})


SPEC = EnvSpec(
    env_id=ENV_ID,
    summary="answer a question that takes several facts, with a search engine",
    options=SearchOptions,
    num_tasks=num_tasks,
    build=_build,
    expert=SearchExpert,
    canary=_canary,
    from_upstream=from_upstream,
)
