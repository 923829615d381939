"""What the environment says, in both difficulties and with either kind of tags."""

from collections.abc import Mapping, Sequence

from infopo.core import Message
from infopo.envs.episode import NO_INFORMATION
from infopo.envs.search.task import Document, Question

SYSTEM = """You are to answer a question. A search engine helps you. You work in turns: each of your messages is one \
action, and each search gets an answer.

[search] <query>  search for documents.
[answer] <answer>  answer the question, as briefly as possible. Your first answer counts and ends the conversation.
[finish]  give up.

You have {turns} turns, and the last one does not search."""
PUBLISHED = """You are to answer a question. A search engine helps you. You work in turns. Begin each turn with your \
reasoning, between <think> and </think>. Then either search, with <search> your query </search>, and the results come \
between <information> and </information>; or answer, as briefly as possible, with <answer> your answer </answer>. Your \
first answer counts and ends the conversation.

You have {turns} turns, and the last one does not search."""

STANDARD: Mapping[str, str] = {
    "hit": "{number}. {title}: {text}",
    "late": "This was the last turn, and it does not search.",
    "empty_query": "Say what to search for.",
    "empty_answer": "Say what the answer is.",
    "answered": "Your answer is noted.",
    "finish": "The conversation is over.",
    "invalid": "This is no action. Start your message with [search], [answer] or [finish].",
}
NANO: Mapping[str, str] = {
    "hit": "- {text}",
    "late": "no more search",
    "empty_query": "search what ?",
    "empty_answer": "answer what ?",
    "answered": "thanks",
    "finish": "bye",
    "invalid": "i did not understand",
}
INVALID_PUBLISHED = (
    "This is no action. To search, put the query between <search> and </search>; to answer, put the answer between "
    "<answer> and </answer>."
)


class Texts:
    """The sentences for a difficulty and a kind of tags."""

    def __init__(self, difficulty: str, tags: str) -> None:
        self._nano, self._published = difficulty == "nano", tags == "published"
        self._said = dict(NANO if self._nano else STANDARD)
        if self._published and not self._nano:
            self._said["invalid"] = INVALID_PUBLISHED

    def __getitem__(self, name: str) -> str:
        return self._said[name]

    def opening(self, question: Question, turns: int) -> tuple[Message, ...]:
        """The question, then what is told; standard begins with the rules of the talk."""
        told = [f"- {sentence}" if self._nano else sentence for sentence in question.told]
        asked = Message(role="user", content=("\n" if self._nano else " ").join([question.text, *told]))
        if self._nano:
            return (asked,)
        system = (PUBLISHED if self._published else SYSTEM).format(turns=turns)
        return (Message(role="system", content=system), asked)

    def results(self, documents: Sequence[Document]) -> str:
        """The documents, one a line; or that there are none."""
        lines = [
            self["hit"].format(number=number, title=one.title, text=one.text)
            for number, one in enumerate(documents, start=1)
        ]
        text = "\n".join(lines) or NO_INFORMATION
        return f"<information>{text}</information>" if self._published else text
