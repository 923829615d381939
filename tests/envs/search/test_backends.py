"""What can be searched: BM25, corpus files, a real retrieval server with faults, a backend of one's own."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import StopReason, UserError
from infopo.envs import make_env, make_expert
from infopo.envs.search.backends import Bm25
from infopo.envs.search.bank import standard_corpus
from infopo.envs.search.files import read_corpus
from infopo.envs.search.retriever import LONGEST_QUERY, HttpBackend, SearchError, SearchTimeout
from infopo.envs.search.task import Document
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.tiny import tiny_tokenizer
from infopo.tokens import Renderer

QA = "search/qa"
DOCUMENTS = tuple(
    Document(id=str(number), title=title, text=text)
    for number, (title, text) in enumerate(
        [
            ("Lamp", "The lamp was made by Anna."),
            ("Anna", "Anna lives in Rome. Anna is old."),
            ("Boris", "Boris lives in Oslo and knows Anna."),
        ]
    )
)


def found(backend: Any, query: str, k: int = 3) -> list[str]:
    return [one.title for one in asyncio.run(backend.search(query, k))]


def test_bm25_ranks_by_telling_words_and_finds_nothing_for_others() -> None:
    backend = Bm25(DOCUMENTS)
    assert found(backend, "Where does ANNA live?")[0] == "Anna"
    assert len(found(backend, "anna rome oslo", 1)) == 1
    assert found(backend, "who made the lamp") == ["Lamp"]
    for query in ("", "the of in", "zanzibar", "?!", "\x00"):
        assert found(backend, query) == []
    assert set(found(backend, "lives")) == {"Anna", "Boris"}
    with pytest.raises(UserError, match="no documents"):
        Bm25(())


def test_ties_keep_the_order_of_the_documents() -> None:
    same = [Document(id=str(number), title=f"t{number}", text="lamp oil") for number in range(50)]
    assert found(Bm25(same), "lamp", 10) == [f"t{number}" for number in range(10)]


def test_a_corpus_file_is_searched(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    rows = [
        {"id": "a", "title": "Lamp", "text": "made by Anna \u2028 once"},
        {"contents": '"Anna"\nAnna lives in Rome.'},
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n")
    assert read_corpus(path)[1] == Document(id="1", title="Anna", text="Anna lives in Rome.")
    env = make_env(QA, task=0, backend=f"bm25:{path}")
    assert [one.title for one in asyncio.run(env._backend.search("rome", 2))] == ["Anna"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"title": "x"', "line 2: not JSON"),
        ('{"title": "x"}', "line 2: field 'text' is missing"),
        ('{"title": 3, "text": "x"}', "line 2: field 'title' must be of type str, got 3"),
        ("[]", "line 2: expected a record"),
        ('{"contents": 3}', "line 2: field 'contents'"),
    ],
)
def test_a_broken_corpus_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"title": "x", "text": "y"}\n' + line)
    with pytest.raises(UserError, match=f"corpus.jsonl, {said}"):
        read_corpus(path)


def test_a_missing_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.jsonl: cannot be read"):
        make_env(QA, task=0, backend=f"bm25:{tmp_path}/none.jsonl")


def test_a_backend_of_ones_own(play: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shouting_search.py").write_text(
        "from infopo.envs.search.task import Document\n"
        "class Shouting:\n"
        "    async def search(self, query, k):\n"
        "        return [Document(id='0', title=query, text=query.upper())] * k\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    env = make_env(QA, task=0, backend="shouting_search:Shouting", results=2)
    assert play(env, ["[search] hello"]).replies == ["1. hello: HELLO\n2. hello: HELLO"]


@pytest.mark.parametrize(("scores", "contents"), [(True, True), (True, False), (False, True)])
def test_a_server_answers_as_the_index_behind_it(server: Any, scores: bool, contents: bool) -> None:
    server.backend, server.with_scores, server.contents = Bm25(DOCUMENTS), scores, contents
    backend = HttpBackend(server.url)
    assert list(asyncio.run(backend.search("anna", 2))) == list(asyncio.run(server.backend.search("anna", 2)))
    assert asyncio.run(backend.search("zanzibar", 2)) == []
    assert server.bodies[0] == {"queries": ["anna"], "topk": 2, "return_scores": True}


def test_the_expert_is_right_over_the_wire_whatever_befalls_two_tries_in_three(
    play: Callable[..., Any], server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infopo.envs.search.retriever.LONGEST_WAIT", 0.01)
    server.backend = Bm25(standard_corpus())
    for task, faults in enumerate(([500, "drop"], [429, "no json"], ["{}", '{"result": [3]}'], ["hang", 503])):
        server.script = list(faults)
        env = make_env(QA, task=task, backend=server.url, timeout_seconds=2.0)
        assert play(env, make_expert(QA, "full").act).outcome.success
        assert not server.script


@pytest.mark.parametrize("fault", [500, 429, "drop", "no json", '{"result": []}', '{"result": [[{"document": 3}]]}'])
def test_what_never_works_raises_after_the_last_try(server: Any, fault: int | str) -> None:
    server.backend, server.script = Bm25(DOCUMENTS), [fault] * 9
    with pytest.raises(SearchError, match=server.url):
        asyncio.run(HttpBackend(server.url, attempts=3, first_wait=0.001).search("anna", 2))
    assert len(server.bodies) == 3


def test_a_silent_server_is_a_timeout(server: Any) -> None:
    server.backend, server.script = Bm25(DOCUMENTS), ["hang"]
    with pytest.raises(SearchTimeout, match=r"no answer within 0\.05 s"):
        asyncio.run(HttpBackend(server.url, attempts=1, timeout_seconds=0.05).search("anna", 2))


def test_nobody_there_is_an_error_of_the_search() -> None:
    with pytest.raises(SearchError, match="ConnectError"):
        asyncio.run(HttpBackend("http://127.0.0.1:9/retrieve", attempts=2, first_wait=0.001).search("anna", 2))


@pytest.mark.parametrize("status", [401, 404, 422])
def test_a_wrong_address_is_the_users_mistake_and_not_tried_again(server: Any, status: int) -> None:
    server.backend, server.script = Bm25(DOCUMENTS), [status] * 3
    with pytest.raises(UserError, match=f"answers {status}"):
        asyncio.run(HttpBackend(server.url).search("anna", 2))
    assert len(server.bodies) == 1


@pytest.mark.parametrize("status", [400, 413, 414])
def test_a_query_that_a_server_refuses_ends_no_run(server: Any, status: int) -> None:
    server.backend, server.script = Bm25(DOCUMENTS), [status]
    with pytest.raises(SearchError, match=f"answers {status}"):
        asyncio.run(HttpBackend(server.url, attempts=1).search("anna " * 10_000, 2))
    assert len(server.bodies[0]["queries"][0]) == LONGEST_QUERY


def test_a_broken_server_fails_the_episode_and_scores_nothing(server: Any) -> None:
    """The searching episode fails; one of the same group that does not search is scored."""
    server.backend, server.script = Bm25(DOCUMENTS), [500] * 9
    options = {"backend": server.url, "attempts": 1}
    tasks = [TaskSpec(env_id=QA, task=task, seed=task, options=options) for task in (0, 1)]
    texts = ("[search] anna", "[answer] Rome")
    sampler = ScriptedSampler(Renderer(tiny_tokenizer(), name="tiny"), lambda slot, messages: texts[slot])
    config = RolloutConfig(max_new_tokens=200)
    groups = asyncio.run(play_groups(sampler, tasks, group_size=1, config=config)).groups
    failed, answered = (group.trajectories[0] for group in groups)
    assert failed.failure is not None
    assert failed.failure.kind == "SearchError"
    assert failed.outcome is None
    assert failed.stop_reason == StopReason.FAILED
    assert answered.failure is None
    assert answered.outcome is not None
