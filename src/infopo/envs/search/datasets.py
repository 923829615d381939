"""Questions from the user's own copies of public data sets: option `data` or `test_data`, `LAYOUT:FILE`.

| layout | what a row holds |
|---|---|
| `plain` | `question`, `golden_answers` (a list): the common layout of FlashRAG and Search-R1; taken for any layout |
| `nq`, `bamboogle` | `question`, `answer`: a text, or a list of right ones |
| `triviaqa` | `question`, `answer` with `value` and `aliases` |
| `popqa` | `question`, `possible_answers`: a list, or its JSON text |
| `hotpotqa`, `2wiki` | `question`, `answer`, `context` and `supporting_facts`: lists, as columns, or their JSON text |
| `musique` | `question`, `answer`, `answer_aliases`, `paragraphs`; rows with `answerable` false are left out |

Names may begin with a capital, as in TriviaQA's and Bamboogle's own files. Ids are optional. Where rows bring
paragraphs, those of the whole file are the corpus unless option `backend` names another.
"""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.core import UnknownNameError, UserError, derive_seed
from infopo.envs.registry import Split
from infopo.envs.search.backends import Bm25
from infopo.envs.search.files import rows_of
from infopo.envs.search.options import ENV_ID, SearchQAOptions
from infopo.envs.search.task import Document, Question
from infopo.envs.usergym.upstream import field_of

TEST_SHARE = 5  # one question in five is kept for the test split, where no file is named for it
_IDS = ("id", "_id", "question_id", "QuestionId")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a row says: right answers, paragraphs (title, text), and the titles of those that lead to the answer."""

    answers: tuple[str, ...]
    paragraphs: tuple[tuple[str, str], ...] = ()
    hops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The questions of a split, and the paragraphs of the file that they come from. `named`: `LAYOUT:FILE`."""

    named: str
    questions: tuple[Question, ...]
    documents: tuple[Document, ...]

    def backend(self) -> Bm25:
        """BM25 over the file's paragraphs; `UserError` where it has none."""
        if not self.documents:
            raise UserError(
                f"{self.named}: its rows bring no paragraphs to search; set option backend of {ENV_ID} to bm25:FILE, a"
                " corpus, or to the URL of a retrieval server"
            )
        return _index(self.named)


@functools.lru_cache(maxsize=4)
def _index(named: str) -> Bm25:
    return Bm25(_load(named).documents)


def load_questions(split: Split, options: SearchQAOptions) -> Loaded | None:
    """The user's questions for a split; None where the generated ones are meant.

    `test_data` is the test split. With `data` alone one question in five is; with `test_data` none of `data`.
    """
    if split == "test" and options.test_data is not None:
        return _load(options.test_data)
    if options.data is None:
        return None
    return _load(options.data) if options.test_data is not None else _part(options.data, split)


@functools.lru_cache(maxsize=8)
def _part(named: str, split: Split) -> Loaded:
    loaded = _load(named)
    # by what is asked: a question that a file holds twice is in one split
    test = {one.text for one in loaded.questions if derive_seed("search-data", one.text) % TEST_SHARE == 0}
    kept = tuple(one for one in loaded.questions if (one.text in test) == (split == "test"))
    return Loaded(named=named, questions=kept, documents=loaded.documents)


@functools.lru_cache(maxsize=8)
def _load(named: str) -> Loaded:
    layout, found, file = named.partition(":")
    if not found or not file:
        raise UserError(f"data of {ENV_ID} is named LAYOUT:FILE, got {named!r}; layouts: {', '.join(LAYOUTS)}")
    if layout not in LAYOUTS:
        raise UnknownNameError(f"layout of {ENV_ID}", layout, list(LAYOUTS))
    questions: dict[str, Question] = {}
    paragraphs: dict[tuple[str, str], None] = {}
    for number, (row, where) in enumerate(rows_of(Path(file))):
        if isinstance(row, dict) and row.get("answerable") is False:
            continue
        text = field_of(row, _named(row, "question"), str, where)
        parsed = (_plain if row.get("golden_answers") is not None else LAYOUTS[layout])(row, where)
        if not text.strip() or not parsed.answers:
            raise UserError(f"{where}: a question needs a text and an answer; fill them in, or leave the row out")
        name = next((str(row[key]) for key in _IDS if row.get(key) is not None), str(number))
        if name in questions:
            raise UserError(f"{where}: id {name!r} is that of a row before it; give it another, or leave ids out")
        questions[name] = Question(
            task_id=f"{ENV_ID}/{layout}/{name}", text=text.strip(), answers=parsed.answers, hops=parsed.hops
        )
        paragraphs |= dict.fromkeys(parsed.paragraphs)
    if not questions:
        raise UserError(f"{file}: no questions in it")
    documents = tuple(
        Document(id=str(number), title=title, text=text) for number, (title, text) in enumerate(paragraphs)
    )
    return Loaded(named=named, questions=tuple(questions.values()), documents=documents)


def _named(row: Any, name: str) -> str:
    """The field's name as this row spells it."""
    capital = name.capitalize()
    return capital if isinstance(row, dict) and name not in row and capital in row else name


def _texts(value: Any, where: str, name: str) -> tuple[str, ...]:
    """One text, or a list of them; without blank ones and doubles."""
    listed = value if isinstance(value, list) else [value]
    for one in listed:
        if not isinstance(one, str):
            raise UserError(f"{where}: field {name!r} must be a text or a list of texts, got {value!r:.60}")
    return tuple(dict.fromkeys(one.strip() for one in listed if one.strip()))


def _decoded(row: Mapping[str, Any], name: str, where: str) -> Any:
    """A field that is itself JSON text in some copies."""
    value = row.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: field {name!r} is a text, but not JSON ({error.msg})") from error


def _plain(row: Mapping[str, Any], where: str) -> Parsed:
    if "golden_answers" not in row:
        raise UserError(f"{where}: field 'golden_answers' is missing; name the layout of the file if it is another one")
    return Parsed(answers=_texts(row["golden_answers"], where, "golden_answers"))


def _answer(row: Mapping[str, Any], where: str) -> Parsed:
    name = _named(row, "answer")
    return Parsed(answers=_texts(field_of(row, name, object, where), where, name))


def _trivia(row: Mapping[str, Any], where: str) -> Parsed:
    name = _named(row, "answer")
    answer: dict[str, Any] = field_of(row, name, dict, where)
    inside = f"{where}, {name}"
    value, aliases = _named(answer, "value"), _named(answer, "aliases")
    first = field_of(answer, value, str, inside)
    return Parsed(answers=_texts([first, *field_of(answer, aliases, list, inside)], inside, aliases))


def _popqa(row: Mapping[str, Any], where: str) -> Parsed:
    return Parsed(answers=_texts(_decoded(row, "possible_answers", where), where, "possible_answers"))


def _hotpot(row: Mapping[str, Any], where: str) -> Parsed:
    """`context` and `supporting_facts`: [[title, ...], ...], or columns {"title": [...], ...}; their JSON text, too."""
    paragraphs = []
    for pair in _pairs(row, "context", "sentences", where):
        if not isinstance(pair[1], list):
            raise UserError(f"{where}: field 'context' must hold a list of sentences a title, got {pair!r:.60}")
        paragraphs.append((pair[0], " ".join(str(sentence).strip() for sentence in pair[1])))
    hops = [pair[0] for pair in _pairs(row, "supporting_facts", "sent_id", where)]
    return Parsed(answers=_answer(row, where).answers, paragraphs=tuple(paragraphs), hops=tuple(dict.fromkeys(hops)))


def _pairs(row: Mapping[str, Any], name: str, second: str, where: str) -> list[Any]:
    """A field of pairs that each begin with a title; none where the row has no such field."""
    value = _decoded(row, name, where)
    if isinstance(value, dict) and all(isinstance(value.get(column), list) for column in ("title", second)):
        value = [list(pair) for pair in zip(value["title"], value[second], strict=False)]
    for pair in _listed(value, name, where):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise UserError(f"{where}: field {name!r} must hold pairs that begin with a title, got {pair!r:.60}")
    return value or []


def _listed(value: Any, name: str, where: str) -> list[Any]:
    if not isinstance(value, list | None):
        raise UserError(f"{where}: field {name!r} must be a list, got {value!r:.60}")
    return value or []


def _musique(row: Mapping[str, Any], where: str) -> Parsed:
    paragraphs, hops = [], []
    for number, one in enumerate(_listed(row.get("paragraphs"), "paragraphs", where)):
        inside = f"{where}, paragraph {number}"
        title, text = field_of(one, "title", str, inside), field_of(one, "paragraph_text", str, inside)
        paragraphs.append((title, text))
        hops += [title] if one.get("is_supporting") else []
    answers = [*_answer(row, where).answers, *_listed(row.get("answer_aliases"), "answer_aliases", where)]
    return Parsed(
        answers=_texts(answers, where, "answer_aliases"), paragraphs=tuple(paragraphs), hops=tuple(dict.fromkeys(hops))
    )


LAYOUTS: Mapping[str, Callable[[Mapping[str, Any], str], Parsed]] = {
    "plain": _plain,
    "nq": _answer,
    "triviaqa": _trivia,
    "hotpotqa": _hotpot,
    "2wiki": _hotpot,
    "musique": _musique,
    "bamboogle": _answer,
    "popqa": _popqa,
}
