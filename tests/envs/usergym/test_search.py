"""`usergym/search`: the bank, the engine, what guessing is worth, judges, the published rules, upstream files."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import UserError
from infopo.envs import make_env, num_tasks
from infopo.envs.usergym.search import SearchOptions, from_upstream, load_records
from infopo.envs.usergym.search.bank import make_task, people_of
from infopo.envs.usergym.search.corpus import Corpus
from infopo.envs.usergym.search.task import Hit
from infopo.envs.usergym.search.words import NANO_TOWNS
from infopo.users import RecordedChat

SEARCH = "usergym/search"
Play = Callable[..., Any]
RECORD = {"id": "one", "question": "Who baked the first loaf?", "answer": "Nobody Knows"}


def chain(index: int, split: Any, difficulty: str) -> tuple[str, str, str]:
    """Thing, person and town of a task."""
    task = make_task(index, split, SearchOptions(difficulty=difficulty))
    first, second = sorted((hit for hit in task.documents if hit.fact), key=lambda hit: str(hit.fact))
    return str(first.title), str(second.title), task.answer


@pytest.mark.parametrize("difficulty", ["standard", "nano"])
def test_train_and_test_share_no_chain_and_in_standard_no_person(difficulty: str) -> None:
    chains = {
        split: {chain(index, split, difficulty) for index in range(num_tasks(SEARCH, split, difficulty=difficulty))}
        for split in ("train", "test")
    }
    assert not chains["train"] & chains["test"]
    if difficulty == "standard":
        assert not {who for _, who, _ in chains["train"]} & {who for _, who, _ in chains["test"]}
        assert not set(people_of("train")) & set(people_of("test"))


def test_the_engine_ranks_by_telling_words_and_finds_nothing_for_others() -> None:
    documents = (
        Hit(title="the lamp", snippet="The lamp was made by Anna."),
        Hit(title="Anna", snippet="Anna lives in Rome."),
        Hit(title="the lamp of Rome", snippet="It is old."),
    )
    corpus = Corpus(documents)
    assert corpus.find("Who made the lamp?")[0] == documents[0]
    assert corpus.find("rome anna")[0] == documents[1]
    assert set(corpus.find("LAMPS")) == {documents[0], documents[2]}
    assert corpus.find("the town of zanzibar") == []


def test_nano_dialogue_word_for_word(play: Play) -> None:
    task = make_task(0, "train", SearchOptions(difficulty="nano"))
    thing, who, town = chain(0, "train", "nano")
    actions = ["hello", "[search]", "[search] nothing", f"[search] {thing}", f"[search] {who}", f"[answer] in {town}"]
    dialogue = play(make_env(SEARCH, task=0, difficulty="nano", reward="upstream"), actions)
    assert dialogue.opening.messages[0].content == task.question
    assert dialogue.opening.hidden == ("first", "second")
    assert dialogue.replies[:3] == ["i did not understand", "search what ?", "nothing found"]
    assert f"{who}" in dialogue.replies[3]
    assert f" {town}" in dialogue.replies[4]
    assert dialogue.replies[5] == "right"
    assert [step.facts.revealed for step in dialogue.steps][3:] == [("first",), ("second",), ()]
    assert [step.reward for step in dialogue.steps] == [0, 0, 0, 0, 0, 1]
    assert dialogue.outcome.success


def test_who_never_searches_is_seldom_right(play: Play) -> None:
    hits = 0
    for index in range(300):
        actions = [f"[answer] {NANO_TOWNS[index % len(NANO_TOWNS)]}"]
        dialogue = play(make_env(SEARCH, task=index, difficulty="nano"), actions)
        assert dialogue.steps[0].done
        hits += dialogue.outcome.success
    assert hits / 300 < 0.2


def test_naming_every_town_is_no_answer(play: Play) -> None:
    assert not play(make_env(SEARCH, task=0, difficulty="nano"), [f"[answer] {' '.join(NANO_TOWNS)}"]).outcome.success


def test_searches_are_limited(play: Play) -> None:
    dialogue = play(make_env(SEARCH, task=0), ["[search] lamp"] * 6)
    assert "used up" in dialogue.replies[5]
    assert not any("used up" in reply for reply in dialogue.replies[:5])
    assert [step.facts.repeated for step in dialogue.steps] == [False] + [True] * 4 + [False]


def test_only_the_published_mode_tells_the_answer_to_who_gives_up(play: Play) -> None:
    answer = make_task(0, "train", SearchOptions()).answer
    assert answer in play(make_env(SEARCH, task=0, mode="upstream"), ["[finish]"]).replies[0]
    assert answer not in play(make_env(SEARCH, task=0), ["[finish]"]).replies[0]


def test_the_published_gym_shows_whole_hits_and_quotes_queries(play: Play) -> None:
    hits = [{"title": "A"}, {"snippet": "x"}, *({"title": f"T{k}", "snippet": f"s{k}"} for k in range(9))]
    env = from_upstream(RECORD, {"search_results": [hits, []], "max_search_results": 2}, RecordedChat([]))
    dialogue = play(env, ["[search] 'old' \\ loaf", "[search] x", "[answer] nobody, KNOWS!"])
    assert "'old' \\ loaf" in dialogue.replies[0]
    assert [f"T{k}" in dialogue.replies[0] for k in range(3)] == [True, True, False]
    assert dialogue.outcome.success


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("{'reasoning': '', 'judgment': 'Yes', 'feedback': ''}", True),
        ("{'reasoning': '', 'judgment': 'yes', 'feedback': ''}", False),
        ("{'judgment': 'Yes', 'feedback': ''}", False),
        ("Yes", False),
    ],
)
def test_the_published_judge(play: Play, reply: str, right: bool) -> None:
    assert play(from_upstream(RECORD, {}, RecordedChat([reply])), ["[answer] a baker"]).outcome.success == right
    rule = play(from_upstream(RECORD, {"eval_method": "rule"}, RecordedChat([])), ["[answer] a baker"])
    assert not rule.outcome.success


@pytest.mark.parametrize("results", [None, "x", [3], [[3]]])
def test_broken_results_are_named(results: Any) -> None:
    with pytest.raises(UserError, match=r"search[_ ]results"):
        from_upstream(RECORD, {"search_results": results}, RecordedChat([]))


@pytest.mark.parametrize("field", ["id", "question", "answer"])
def test_a_broken_record_is_named(tmp_path: Path, field: str) -> None:
    path = tmp_path / "questions.json"
    path.write_text(json.dumps([RECORD, RECORD | {field: 3}]))
    with pytest.raises(UserError, match=f"questions.json, record 1: field '{field}'"):
        load_records(path)


def test_the_published_tasks_load(upstream_file: Callable[[str], Path]) -> None:
    records = load_records(upstream_file("SearchGym/questions.json"))
    assert len(records) == 125
    for record in records:
        env = from_upstream(record, {"max_steps": 16}, RecordedChat([]))
        assert record["question"] in asyncio.run(env.start()).messages[-1].content
