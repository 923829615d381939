"""`search/qa`: answer a question over several facts, with a search engine over a corpus.

The agent searches (`[search] maker of The Silent Orchard`) and answers (`[answer] Oldmere`); the first answer counts.
Questions and corpus are generated (people, works, firms, towns that do not exist), or the user's own.
"""

from dataclasses import replace

from infopo.core import derive_random
from infopo.envs.base import Env
from infopo.envs.options import check_user
from infopo.envs.registry import Canary, EnvSpec, Split
from infopo.envs.search import bank
from infopo.envs.search.backends import Bm25, open_backend
from infopo.envs.search.datasets import load_questions
from infopo.envs.search.env import SearchQAEnv
from infopo.envs.search.expert import SearchQAExpert
from infopo.envs.search.options import ENV_ID, SearchQAOptions
from infopo.envs.search.words import Difficulty
from infopo.envs.search.world import documents

CANARIES = ("zubrinox", "quaxmire", "vexolund")  # names that nobody says by chance


def _difficulty(options: SearchQAOptions) -> Difficulty:
    return "nano" if options.difficulty == "nano" else "standard"


def _num_tasks(split: Split, options: SearchQAOptions) -> int:
    """Looks at the files of both splits, so that a mistake in one shows before anything is trained."""
    backend = open_backend(options)
    loaded = {"train": load_questions("train", options), "test": load_questions("test", options)}
    for part in loaded.values():
        if part is not None and backend is None:
            part.backend()
    chosen = loaded[split]
    return bank.TASKS[split] if chosen is None else len(chosen.questions)


def _build(index: int, split: Split, seed: int, user: str | None, options: SearchQAOptions) -> Env:
    check_user(ENV_ID, user)
    backend = open_backend(options)
    loaded = load_questions(split, options)
    if loaded is not None:
        question = loaded.questions[index]
        backend = backend or loaded.backend()
    else:
        difficulty, domain = _difficulty(options), options.test_domain
        question = bank.make_question(index, split, difficulty, domain, options.reveal)
        backend = backend or bank.make_backend(index, split, difficulty, domain)
    return SearchQAEnv(question, backend, seed=seed, options=options)


def _canary(seed: int, options: SearchQAOptions) -> Canary:
    """Along the path to the answer every name is one that no other document holds."""
    difficulty = _difficulty(options)
    index = derive_random(seed, ENV_ID, "canary").randrange(bank.TASKS["train"])
    path = bank.path_of(index, "train", difficulty, "in")
    planted, subject = [], path[0].subject
    for fact, name in zip(path, CANARIES, strict=False):
        planted.append(replace(fact, subject=subject, object=name))
        subject = name
    kept = [fact for fact in bank.world_of(index, "train", difficulty, "in").facts if fact not in path]
    question = bank.question_of(tuple(planted), f"{ENV_ID}/{difficulty}/canary/{seed}", difficulty, options.reveal)
    env = SearchQAEnv(question, Bm25(documents([*planted, *kept], difficulty)), seed=seed, options=options)
    names = {f"hop{number}": (fact.object,) for number, fact in enumerate(planted, start=1)}
    return Canary(env=env, secrets={fact: names[fact] for fact in question.hidden})


SPEC = EnvSpec(
    env_id=ENV_ID,
    summary="answer a question over several facts, with a search engine over a corpus",
    options=SearchQAOptions,
    num_tasks=_num_tasks,
    build=_build,
    expert=SearchQAExpert,
    canary=_canary,
)
