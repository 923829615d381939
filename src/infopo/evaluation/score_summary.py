"""What a file of scored conversations says as a whole. What is kept does not grow with the file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from infopo.evaluation.gain_statistics import Highest, Histogram, Running
from infopo.evaluation.redundancy import words_of

TOP = 10
QUESTIONS = 2000  # different questions that are told apart: the first that come
QUANTILES = (5, 25, 50, 75, 95)
COUNTS = ("dialogues", "broken", "cut", "replies", "scored", "redundant")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredReply:
    """One reply of the file with its gain (nats)."""

    line: int
    id: str
    turn: int
    gain: float
    question: str
    reply: str


@dataclass(slots=True)
class _Question:
    text: str
    gains: Running
    redundant: int = 0


class ScoreTally:
    """Takes the records of a file in, one by one."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(COUNTS, 0)
        self.gains = Running()
        self.spread = Histogram()
        self.by_kind: dict[str, Running] = {}
        self.top = Highest[tuple[int, int], ScoredReply](TOP)
        self.bottom = Highest[tuple[int, int], ScoredReply](TOP)
        self.questions: dict[tuple[str, ...], _Question] = {}
        self.other_questions = 0
        self.first_broken: list[str] = []

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in a record of `score_lines`."""
        if record["kind"] == "broken":
            self.counts["broken"] += 1
            if len(self.first_broken) < TOP:
                self.first_broken.append(record["why"])
            return
        self.counts["dialogues"] += 1
        self.counts["cut"] += record["cut"]
        for reply in record["replies"]:
            self.counts["replies"] += 1
            if reply["gain"] is not None:
                self._reply(record, reply)

    def _reply(self, record: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
        gain, redundant = reply["gain"], reply["redundant"] is True
        self.counts["scored"] += 1
        self.counts["redundant"] += redundant
        self.gains.add(gain)
        self.spread.add(gain)
        self.by_kind.setdefault(reply["from"], Running()).add(gain)
        key = (record["line"], reply["turn"])
        kept = {name: reply[name] for name in ("turn", "gain", "question", "reply")}
        entry = ScoredReply(line=record["line"], id=record["id"], **kept)
        self.top.add(gain, key, entry)
        self.bottom.add(-gain, key, entry)
        asked = words_of(reply["question"])
        if asked not in self.questions and len(self.questions) >= QUESTIONS:
            self.other_questions += 1
            return
        question = self.questions.setdefault(asked, _Question(reply["question"], Running()))
        question.gains.add(gain)
        question.redundant += redundant

    def summary(self) -> dict[str, Any]:
        """Everything as JSON. `questions`: by mean gain, highest first; questions beyond the first 2,000 different
        ones are only counted."""
        scored = self.counts["scored"]
        ranked = sorted(self.questions.values(), key=lambda one: -one.gains.mean)
        return {
            **self.counts,
            "redundant_share": self.counts["redundant"] / scored if scored else None,
            "gain": _distribution(self.gains),
            "gain_quantiles": {f"{q} %": self.spread.quantile(q / 100) for q in QUANTILES} if scored else {},
            "by_kind": {kind: _distribution(running) for kind, running in sorted(self.by_kind.items())},
            "top": [asdict(one) for one in self.top.items().values()],
            "bottom": [asdict(one) for one in self.bottom.items().values()],
            "questions": [
                {
                    "question": one.text,
                    "asked": one.gains.n,
                    "mean_gain": one.gains.mean,
                    "lowest_gain": one.gains.low,
                    "highest_gain": one.gains.high,
                    "redundant": one.redundant,
                }
                for one in ranked
            ],
            "other_questions": self.other_questions,
            "first_broken": self.first_broken,
        }


def _distribution(running: Running) -> dict[str, Any] | None:
    found = running.result()
    return None if found is None else asdict(found)
