"""The user's own copies of public data sets: every layout, splits, and what is said of broken files."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import UserError
from infopo.envs import make_env, num_tasks
from infopo.envs.search.datasets import LAYOUTS, load_questions
from infopo.envs.search.options import SearchQAOptions

QA = "search/qa"
CONTEXT = [["Lamp", ["The lamp was made ", "by Anna."]], ["Anna", ["Anna lives in Rome."]], ["Oslo", ["A town."]]]
SUPPORT = [["Lamp", 0], ["Anna", 0], ["Anna", 1]]
COLUMNS = {
    "context": {"title": [one[0] for one in CONTEXT], "sentences": [one[1] for one in CONTEXT]},
    "supporting_facts": {"title": ["Lamp", "Anna", "Anna"], "sent_id": [0, 0, 1]},
}
TEXTS = {"context": json.dumps(CONTEXT), "supporting_facts": json.dumps(SUPPORT)}
PARAGRAPHS = [
    {"idx": 0, "title": "Lamp", "paragraph_text": "The lamp was made by Anna.", "is_supporting": True},
    {"idx": 1, "title": "Oslo", "paragraph_text": "A town.", "is_supporting": False},
    {"idx": 2, "title": "Anna", "paragraph_text": "Anna lives in Rome.", "is_supporting": True},
]
ASKED = {"question": "Where does the maker of the lamp live?"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "plain": [ASKED | {"id": "test_0", "golden_answers": ["Rome", "Roma"]}],
    "nq": [ASKED | {"answer": ["Rome", "Roma"]}, ASKED | {"id": "q", "golden_answers": ["Rome", "Roma"]}],
    "triviaqa": [
        ASKED | {"question_id": "t", "answer": {"value": "Rome", "aliases": ["Roma", "Rome"], "type": "Entity"}},
        {"Question": "Where?", "QuestionId": "u", "Answer": {"Value": "Rome", "Aliases": ["Roma"]}},
    ],
    "hotpotqa": [
        ASKED | {"_id": "h", "answer": "Rome", "context": CONTEXT, "supporting_facts": SUPPORT},
        ASKED | {"id": "i", "answer": "Rome", **COLUMNS},
    ],
    "2wiki": [ASKED | {"_id": "w", "answer": "Rome", **TEXTS, "evidences": "[]"}],
    "musique": [
        ASKED | {"id": "2hop__1", "answer": "Rome", "answer_aliases": ["Roma"], "paragraphs": PARAGRAPHS},
        ASKED | {"id": "2hop__2", "answer": "", "answerable": False, "paragraphs": PARAGRAPHS},
    ],
    "bamboogle": [{"Question": "Where?", "Answer": "Rome"}],
    "popqa": [ASKED | {"id": 7, "possible_answers": '["Rome", "Roma"]'}],
}
WAY = ("hotpotqa", "2wiki", "musique")


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows in the format that the file's name asks for."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        mark = "\t" if path.suffix == ".tsv" else ","
        table = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
        quoted = [['"' + cell.replace('"', '""') + '"' for cell in line] for line in table]
        path.write_text("\n".join(mark.join(line) for line in quoted) + "\n")
    return path


def load(path: Path, layout: str) -> Any:
    return load_questions("test", SearchQAOptions(test_data=f"{layout}:{path}"))


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read(tmp_path: Path, layout: str, suffix: str) -> None:
    for number, row in enumerate(ROWS[layout]):  # one by one: a parquet file has one schema
        if row.get("answerable") is False or (suffix == "parquet" and row.get("context") is CONTEXT):
            continue  # lists of mixed types do not fit into parquet: there they are columns
        loaded = load(written(tmp_path / f"{number}.{suffix}", [row]), layout)
        (question,) = loaded.questions
        assert question.text == row.get("question", row.get("Question"))
        assert question.answers[0] == "Rome"
        assert question.answers[1:] in ((), ("Roma",))
        assert question.hops == (("Lamp", "Anna") if layout in WAY else ())
        assert {one.title for one in loaded.documents} == ({"Lamp", "Anna", "Oslo"} if layout in WAY else set())


def test_tables_and_wrapped_lists_are_read(tmp_path: Path) -> None:
    assert load(written(tmp_path / "b.csv", ROWS["bamboogle"]), "bamboogle").questions[0].answers == ("Rome",)
    assert load(written(tmp_path / "p.tsv", ROWS["popqa"]), "popqa").questions[0].answers == ("Rome", "Roma")
    (tmp_path / "t.json").write_text(json.dumps({"Data": ROWS["triviaqa"][1:], "Version": 1.0}))
    assert load(tmp_path / "t.json", "triviaqa").questions[0].task_id == "search/qa/triviaqa/u"


def test_unanswerable_questions_are_left_out(tmp_path: Path) -> None:
    assert len(load(written(tmp_path / "m.jsonl", ROWS["musique"]), "musique").questions) == 1


def test_a_question_is_played_over_the_paragraphs_of_its_file(play: Callable[..., Any], tmp_path: Path) -> None:
    path = written(tmp_path / "h.json", ROWS["hotpotqa"][:1])
    env = make_env(QA, task=0, split="test", test_data=f"hotpotqa:{path}", results=1)
    dialogue = play(env, ["[search] who made the lamp", "[search] Anna lives", "[answer] rome"])
    assert dialogue.opening.hidden == ("hop1", "hop2")
    assert dialogue.replies[0] == "1. Lamp: The lamp was made by Anna."
    assert [step.facts.revealed for step in dialogue.steps] == [("hop1",), ("hop2",), ()]
    assert dialogue.outcome.success
    assert env.reference_answer() == "Rome"


def test_splits_of_one_file_and_of_two(tmp_path: Path) -> None:
    rows = [{"id": str(number), "question": f"Where is {number // 2}?", "answer": ["Rome"]} for number in range(200)]
    one, two = written(tmp_path / "one.jsonl", rows), written(tmp_path / "two.jsonl", rows[:30])
    alone = {
        split: load_questions(split, SearchQAOptions(data=f"nq:{one}")).questions  # type: ignore[arg-type, union-attr]
        for split in ("train", "test")
    }
    assert len(alone["train"]) + len(alone["test"]) == 200
    assert 20 <= len(alone["test"]) <= 60
    assert not {one.text for one in alone["train"]} & {one.text for one in alone["test"]}  # each is there twice
    elsewhere = {"backend": "http://127.0.0.1:9/retrieve"}
    both = elsewhere | {"data": f"nq:{one}", "test_data": f"nq:{two}"}
    assert (num_tasks(QA, "train", **both), num_tasks(QA, "test", **both)) == (200, 30)
    alone_tested = elsewhere | {"test_data": f"nq:{two}"}
    assert num_tasks(QA, "train", **alone_tested) == num_tasks(QA, "train")
    assert num_tasks(QA, "test", **alone_tested) == 30


def test_a_broken_test_file_shows_before_anything_is_trained() -> None:
    with pytest.raises(UserError, match=r"none\.jsonl: cannot be read"):
        num_tasks(QA, "train", test_data="nq:none.jsonl")


def test_without_paragraphs_a_backend_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "nq.jsonl", ROWS["nq"][:1])
    with pytest.raises(UserError, match=r"nq\.jsonl: its rows bring no paragraphs.*set option backend"):
        make_env(QA, task=0, split="test", test_data=f"nq:{path}")
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"title": "Anna", "text": "Anna lives in Rome."}')
    env = make_env(QA, task=0, split="test", test_data=f"nq:{path}", backend=f"bm25:{corpus}")
    assert asyncio.run(env.start()).hidden == ()


@pytest.mark.parametrize(
    ("layout", "row", "said"),
    [
        ("nq", {"answer": ["x"]}, "line 2: field 'question' is missing"),
        ("nq", ASKED, "line 2: field 'answer' is missing"),
        ("nq", ASKED | {"answer": [3]}, "line 2: field 'answer' must be a text or a list of texts"),
        ("nq", ASKED | {"answer": []}, "line 2: a question needs a text and an answer"),
        ("nq", {"question": " ", "answer": "x"}, "line 2: a question needs a text and an answer"),
        ("nq", [], "line 2: expected a record"),
        ("plain", ASKED | {"answer": "x"}, "line 2: field 'golden_answers' is missing; name the layout"),
        ("triviaqa", ASKED | {"answer": "x"}, "line 2: field 'answer' must be of type dict"),
        ("triviaqa", ASKED | {"answer": {"value": "x"}}, "line 2, answer: field 'aliases' is missing"),
        ("popqa", ASKED | {"possible_answers": "[x"}, "line 2: field 'possible_answers' is a text, but not JSON"),
        ("popqa", ASKED, "line 2: field 'possible_answers' must be"),
        ("hotpotqa", ASKED | {"answer": "x", "context": [["A"]]}, "line 2: field 'context' must hold pairs"),
        ("hotpotqa", ASKED | {"answer": "x", "context": 3}, "line 2: field 'context' must be a list"),
        ("hotpotqa", ASKED | {"answer": "x", "context": [3]}, "line 2: field 'context' must hold pairs"),
        ("2wiki", ASKED | {"answer": "x", "context": "[["}, "line 2: field 'context' is a text, but not JSON"),
        ("2wiki", ASKED | {"answer": "x", "supporting_facts": [3]}, "line 2: field 'supporting_facts' must hold pairs"),
        ("musique", ASKED | {"answer": "x", "paragraphs": [{"title": "A"}]}, "paragraph 0: field 'paragraph_text'"),
        ("musique", ASKED | {"answer": "x", "paragraphs": 3}, "line 2: field 'paragraphs' must be a list"),
        ("musique", ASKED | {"answer": "x", "answer_aliases": 3}, "line 2: field 'answer_aliases' must be a list"),
        ("nq", ASKED | {"id": "first", "answer": "x"}, "line 2: id 'first' is that of a row before it"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, layout: str, row: Any, said: str) -> None:
    path = tmp_path / "data.jsonl"
    whole = {
        **ASKED,
        "id": "first",
        "golden_answers": ["x"],
    }
    path.write_text(f"{json.dumps(whole)}\n{json.dumps(row)}\n")
    with pytest.raises(UserError, match=said):
        load(path, layout)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.jsonl", b"{", "line 1: not JSON"),
        ("x.json", b'[{"question": "a",]', "line 1: not JSON"),
        ("x.json", b'{"question": "a"}', "expected a list of records"),
        ("x.jsonl", b"\xff\xfe", "not UTF-8"),
        ("x.csv", b"\xff\xfe", "no table of UTF-8 text"),
        ("x.parquet", b"nonsense", "cannot be read as parquet"),
        ("x.txt", b"", "questions are read from"),
        ("x.jsonl", b"", "no questions in it"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        load(path, "nq")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("x.jsonl", "is named LAYOUT:FILE"),
        ("nq:", "is named LAYOUT:FILE"),
        ("hotpot:x.json", "did you mean 'hotpotqa'"),
        ("nq:none.jsonl", r"none\.jsonl: cannot be read"),
        ("nq:none.parquet", r"none\.parquet: cannot be read"),
        ("popqa:none.tsv", r"none\.tsv: cannot be read"),
    ],
)
def test_a_wrong_name_is_named(data: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        num_tasks(QA, "test", test_data=data)
