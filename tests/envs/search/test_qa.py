"""`search/qa`: the bank and what its splits share, experts, scores, published tags, facts."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.core import Message, ToolCall, UserError
from infopo.envs import make_env, make_expert, num_tasks
from infopo.envs.check import check_env
from infopo.envs.search.backends import Bm25
from infopo.envs.search.bank import TASKS, names_of, path_of, standard_corpus, world_of
from infopo.envs.search.env import SearchQAEnv
from infopo.envs.search.form import balanced, valid_form
from infopo.envs.search.options import DOMAINS, SearchQAOptions
from infopo.envs.search.task import Document, Question
from infopo.envs.search.words import RELATIONS, names
from infopo.envs.search.world import chains

QA = "search/qa"
Play = Callable[..., Any]
THINKING = "<think> hm </think> "
QUESTION = Question(task_id="t", text="Where?", answers=("New York City", "NYC"), hops=("A", "B"))
DOCUMENTS = (
    Document(id="0", title="A", text="The lamp leads to the clock."),
    Document(id="1", title="B", text="The clock stands in New York City."),
    Document(id="2", title="C", text="Nothing to see."),
)


def small(question: Question = QUESTION, **options: Any) -> SearchQAEnv:
    return SearchQAEnv(question, Bm25(DOCUMENTS), seed=0, options=SearchQAOptions(**options))


def paths(split: Any, difficulty: Any, domain: str, most: int = 400) -> list[tuple[Any, ...]]:
    return [path_of(index, split, difficulty, domain) for index in range(min(most, TASKS[split]))]


@pytest.mark.parametrize("domain", DOMAINS)
def test_there_are_a_thousand_questions_and_more_to_train_on_and_two_hundred_to_test(domain: str) -> None:
    assert num_tasks(QA, "train", test_domain=domain) >= 1000
    assert num_tasks(QA, "test", test_domain=domain) >= 200


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_entity_of_the_training_questions_is_in_a_test_question(domain: str) -> None:
    named = {
        split: {name for path in found for fact in path for name in (fact.subject, fact.object)}
        for split, found in (
            ("train", paths("train", "standard", "in", 2000)),
            ("test", paths("test", "standard", domain)),
        )
    }
    assert named["train"]
    assert named["test"]
    assert not named["train"] & named["test"]
    assert not {name for kind in names_of("train").values() for name in kind} & named["test"]


def test_standard_questions_are_all_different() -> None:
    for split, domain in (("train", "in"), ("test", "in"), ("test", "relations"), ("test", "hops")):
        found = paths(split, "standard", domain, 2000)
        assert len({(path[0].subject, tuple(fact.relation.noun for fact in path)) for path in found}) == len(found)


def test_nano_splits_share_no_chain_of_facts() -> None:
    chained = {
        split: {tuple(fact.statement("nano") for fact in path) for path in paths(split, "nano", "in")}
        for split in ("train", "test")
    }
    assert not chained["train"] & chained["test"]


@pytest.mark.parametrize("difficulty", ["standard", "nano"])
def test_domains_are_what_they_say(difficulty: Any) -> None:
    for path in [*paths("train", difficulty, "in", 300), *paths("test", difficulty, "in", 100)]:
        assert len(path) in (1, 2)
        assert not any(fact.relation.held_out for fact in path)
    for path in paths("test", difficulty, "relations", 100):
        assert len(path) in (1, 2)
        assert any(fact.relation.held_out for fact in path)
    for path in paths("test", difficulty, "hops", 100):
        assert len(path) == 3
        assert not any(fact.relation.held_out for fact in path)


@pytest.mark.parametrize("difficulty", ["standard", "nano"])
def test_the_train_split_is_the_same_whatever_is_tested(difficulty: str) -> None:
    openings = [
        [
            asyncio.run(make_env(QA, task=task, difficulty=difficulty, test_domain=domain).start()).messages
            for task in range(20)
        ]
        for domain in DOMAINS
    ]
    assert openings[0] == openings[1] == openings[2]


@pytest.mark.parametrize("difficulty", ["standard", "nano"])
def test_a_path_is_stated_by_the_world_and_never_comes_back(difficulty: Any) -> None:
    for index, path in enumerate(paths("test", difficulty, "hops", 40)):
        assert set(path) <= set(world_of(index, "test", difficulty, "hops").facts)
        assert [fact.object for fact in path[:-1]] == [fact.subject for fact in path[1:]]
        assert len({path[0].subject, *(fact.object for fact in path)}) == 4


@given(st.integers(1, 4), st.booleans())
def test_chains_fit_together(hops: int, held_out: bool) -> None:
    for chain in chains(hops, held_out=held_out):
        assert len(chain) == hops
        assert all(one.object == other.subject for one, other in itertools.pairwise(chain))
        assert any(relation.held_out for relation in chain) == held_out


def test_names_and_titles_are_told_apart() -> None:
    for difficulty in ("standard", "nano"):
        every = [name for kind in names(difficulty).values() for name in kind]  # type: ignore[arg-type]
        assert len(set(every)) == len(every)
    titles = [document.title for document in standard_corpus()]
    assert len(set(titles)) == len(titles) > 1000
    assert len({relation.noun for relation in RELATIONS}) == len(RELATIONS)


@pytest.mark.parametrize(
    "options",
    [
        {"difficulty": "nano"},
        {"difficulty": "nano", "test_domain": "relations"},
        {"difficulty": "nano", "test_domain": "hops", "unanswered": 0.1},
        {"test_domain": "relations"},
        {"test_domain": "hops"},
        {"tags": "published", "score": "form"},
    ],
)
def test_the_full_expert_is_nearly_always_right_and_the_weak_one_leaves_room(
    play: Play, options: dict[str, Any]
) -> None:
    right = {}
    for kind in ("full", "weak"):
        right[kind] = 0
        for task in range(100):
            expert = make_expert(QA, kind, seed=task, **options)  # type: ignore[arg-type]
            right[kind] += play(make_env(QA, task=task, split="test", **options), expert.act).outcome.success
    assert right["full"] >= 95
    assert 5 <= right["weak"] <= 60


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"difficulty": "nano", "reveal": "some", "unanswered": 0.2, "reward": "upstream"},
        {"tags": "published", "score": "form"},
    ],
)
def test_it_keeps_to_the_protocol(options: dict[str, Any]) -> None:
    assert all(finding.problems == () for finding in check_env(QA, **options))


def test_nano_dialogue_word_for_word(play: Play) -> None:
    path = path_of(1, "test", "nano", "in")
    assert len(path) == 2
    (first, who, second, where) = (path[0].relation.noun, path[0].object, path[1].relation.noun, path[1].object)
    start = path[0].subject
    queries = [f"[search] {first} of {start}", f"[search] {second} of {who}"]
    actions = ["hello", "[search]", "[search] zanzibar", *queries, queries[1].upper(), f"[answer] The {where}."]
    dialogue = play(make_env(QA, task=1, split="test", difficulty="nano", reward="upstream"), actions)
    assert dialogue.opening.messages[0].content == f"what is {second} of {first} of {start} ?"
    assert dialogue.opening.hidden == ("hop1", "hop2")
    assert dialogue.replies[:3] == ["i did not understand", "search what ?", "No information found."]
    assert dialogue.replies[3].splitlines()[0] == f"- {first} of {start} is {who}"
    assert dialogue.replies[4].splitlines()[0] == f"- {second} of {who} is {where}"
    assert len(dialogue.replies[4].splitlines()) == 2
    facts = [step.facts for step in dialogue.steps]
    assert [one.revealed for one in facts] == [(), (), (), ("hop1",), ("hop2",), (), ()]
    assert [one.useful for one in facts] == [False, False, False, True, True, False, True]
    assert [one.repeated for one in facts][3:6] == [False, False, True]
    assert [step.feedback_kind for step in dialogue.steps] == ["env", "env", "tool", "tool", "tool", "tool", "env"]
    assert [step.reward for step in dialogue.steps] == [0, 0, 0, 0, 0, 0, 2 / 3]  # the article counts as a word
    assert dialogue.outcome.success


def test_the_answer_is_scored_by_words_or_exactly(play: Play) -> None:
    for answer, f1, exact in (
        ("new york city", 1, True),
        ("the NYC", 2 / 3, True),
        ("York", 0.5, False),
        ("Rome", 0, False),
    ):
        found = play(small(), [f"[answer] {answer}"]).outcome
        assert (found.score, found.success) == (pytest.approx(f1), exact)
        assert play(small(score="exact"), [f"[answer] {answer}"]).outcome.score == float(exact)
    assert play(small(), ["[finish]"]).outcome.score == 0


def test_who_says_nothing_is_not_right_where_the_answer_is_an_article(play: Play) -> None:
    question = Question(task_id="t", text="Which band?", answers=("The The",))
    for actions, right in ((["[finish]"], False), (["[search] lamp"] * 8, False), (["[answer] the the"], True)):
        assert play(small(question), actions).outcome.success == right


def test_the_last_turn_does_not_search(play: Play) -> None:
    dialogue = play(small(max_turns=2), ["[search] lamp", "[search] clock"])
    assert "lamp" in dialogue.replies[0]
    assert "clock stands" not in dialogue.replies[1]
    assert dialogue.steps[1].facts.revealed == ()
    assert dialogue.steps[1].truncated


def test_what_is_told_is_not_hidden(play: Play) -> None:
    for reveal, hidden in (("none", ("hop1", "hop2")), ("some", ("hop2",)), ("all", ())):
        env = make_env(QA, task=1, split="test", difficulty="nano", reveal=reveal)
        opening = asyncio.run(env.start())
        assert opening.hidden == hidden
        assert len(opening.messages[0].content.splitlines()) == 3 - len(hidden)


def test_a_search_that_shows_the_answer_is_useful_where_the_way_is_not_known(play: Play) -> None:
    question = Question(task_id="t", text="Where?", answers=("new york city",))
    steps = play(small(question), ["[search] lamp", "[search] stands", "[search] stands york"]).steps
    assert [step.facts.useful for step in steps] == [False, True, False]


def test_an_answer_in_a_title_is_on_show_too(play: Play) -> None:
    backend = Bm25([Document(id="0", title="Anna", text="A maker of lamps, born in Rome.")])
    env = SearchQAEnv(Question(task_id="t", text="Who?", answers=("Anna",)), backend, seed=0, options=SearchQAOptions())
    assert play(env, ["[search] lamps"]).steps[0].facts.useful


@pytest.mark.parametrize(
    ("actions", "score"),
    [
        ([f"{THINKING}<search>lamp</search>", f"{THINKING}<answer>NYC</answer>"], 1.0),
        (["<search>lamp</search>", f"{THINKING}<answer>NYC</answer>"], 0.8),
        ([f"{THINKING}<search>lamp</search>", f"{THINKING}<answer>Rome</answer>"], 0.2),
        ([f"{THINKING}<search>stands</search>", f"{THINKING}<answer>Rome</answer>"], 0.3),
        (["<answer>Rome</answer>"], 0.1),
        ([f"{THINKING}<search>stands</search>"] * 8, 0.0),
    ],
)
def test_the_score_of_form(play: Play, actions: list[str], score: float) -> None:
    assert play(small(tags="published", score="form"), actions).outcome.score == score


def test_the_format_penalty_is_a_step_reward_and_scores_nothing(play: Play) -> None:
    options = {"tags": "published", "reward": "upstream", "format_penalty": 2.0}
    for actions, reward, score in (
        ([f"{THINKING}<answer>NYC</answer>"], 1.0, 1.0),
        (["<think> hm <answer>NYC</answer>"], -2.0, 0.0),
        (["hm"] * 8, -2.0, 0.0),
    ):
        dialogue = play(small(**options), actions)
        assert dialogue.steps[-1].reward == reward
        assert all(step.reward == 0 for step in dialogue.steps[:-1])
        assert dialogue.outcome.score == score


def test_published_tags_are_shown_and_read(play: Play) -> None:
    actions = ["[search] lamp", "<think><search>x</search></think><search> lamp </search>", "<answer>NYC</answer>"]
    dialogue = play(small(tags="published"), actions)
    assert "<search>" in dialogue.opening.messages[0].content
    assert dialogue.steps[0].facts.kind == "invalid"
    assert dialogue.replies[1] == "<information>1. A: The lamp leads to the clock.</information>"
    assert dialogue.outcome.success


def test_a_tool_call_is_the_same_with_published_tags() -> None:
    async def call() -> Any:
        env = small(tags="published")
        await env.start()
        arguments = '{"choice": "search", "content": "lamp"}'
        tool = ToolCall(id="1", name="interact", arguments=arguments)
        return await env.step(Message(role="assistant", content="", tool_calls=(tool,)))

    step = asyncio.run(call())
    assert step.messages[0].role == "tool"
    assert step.facts.revealed == ("hop1",)


def test_form_looks_at_every_turn() -> None:
    answer = f"{THINKING}<answer>x</answer>"
    assert valid_form([f"{THINKING}<search>x</search>", answer])
    assert not valid_form([])
    assert not valid_form([answer, f"{THINKING}<search>x</search>"])
    assert not valid_form([f"{THINKING}<search>x</search><search>y</search>", answer])
    assert not valid_form([f"{THINKING}{answer}"])
    assert balanced([answer])
    assert not balanced([answer, "</think>"])


def test_states_are_equal_whatever_the_order_of_searches() -> None:
    async def key(queries: list[str]) -> str | None:
        env = small()
        await env.start()
        for query in queries:
            await env.step(Message(role="assistant", content=f"[search] {query}"))
        return env.state_key()

    assert asyncio.run(key(["lamp", "stands"])) == asyncio.run(key(["stands", " LAMP"]))
    assert asyncio.run(key(["lamp"])) != asyncio.run(key(["stands"]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"test_domain": "hop"}, "did you mean 'hops'"),
        ({"score": "form"}, "set tags to published"),
        ({"tags": "published", "format_penalty": 2.0}, "set reward to upstream"),
        ({"format_penalty": -1}, "format_penalty of search/qa must be a number 0 or more"),
        ({"timeout_seconds": 0}, "timeout_seconds of search/qa must be a number above 0"),
        ({"results": 0}, "results of search/qa must be a whole number"),
        ({"difficulty": "nano", "data": "nq:x.jsonl"}, "set difficulty to standard"),
        ({"test_data": "nq:x.jsonl", "test_domain": "hops"}, "set one"),
        ({"test_data": "nq:x.jsonl", "data": "nq:x.jsonl"}, "set data alone"),
        (
            {"tags": "published", "score": "form", "reward": "upstream", "format_penalty": 2.0},
            "both put a price on form",
        ),
        ({"backend": "bm52"}, "must be bm25, bm25:FILE"),
        ({"backend": "no_such_module:Backend"}, "gives no search backend \\(ModuleNotFoundError"),
        ({"backend": "json:JSONDecoder"}, "gives no search backend \\(it has no search"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        make_env(QA, task=0, **options)


def test_it_has_no_user() -> None:
    with pytest.raises(UserError, match="has no user"):
        make_env(QA, task=0, user="human")
