"""Who says whether an answer is right: the same letters and digits; in the published gym a language model besides."""

from typing import Protocol

from infopo.envs.usergym.phrases import stems
from infopo.envs.usergym.search.task import Task
from infopo.envs.usergym.upstream import ask_model, read_literal
from infopo.users import ChatModel, Judge, JudgeRequest

_FILLERS = frozenset("a an the it is was in town of answer".split())
_PROMPT = """You judge the `answer` to a `question`. It is right if it is the `expected` answer, or says the same in \
this context. The feedback must not hint at the expected answer. Return one object with the fields "reasoning", \
"judgment" ("Yes" or "No") and "feedback"."""


class AnswerJudge(Protocol):
    """Says whether an answer that is not the expected one letter for letter is right all the same."""

    async def accepts(self, answer: str) -> bool: ...


def same_letters(answer: str, gold: str) -> bool:
    """Whether two answers have the same letters and digits, of any alphabet, in any case.

    >>> same_letters("James  Madison!", "james madison")
    True
    """
    return _letters(answer) == _letters(gold)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


class ScriptedJudge:
    """Looks past fillers, accents and plurals: `It is in the town of Oldmere.`"""

    def __init__(self, task: Task) -> None:
        self._gold = [word for word in stems(task.answer) if word not in _FILLERS]

    async def accepts(self, answer: str) -> bool:
        """Whether nothing but the expected answer is left."""
        return [word for word in stems(answer) if word not in _FILLERS] == self._gold


class NamedJudge:
    """A judge that somebody chose, where the script does not accept an answer."""

    def __init__(self, task: Task, judge: Judge) -> None:
        self._task, self._judge, self._script = task, judge, ScriptedJudge(task)

    async def accepts(self, answer: str) -> bool:
        """Raises `ChatError` where it gives no verdict: the episode is then a failure."""
        if await self._script.accepts(answer):
            return True
        task = self._task
        request = JudgeRequest(question=task.question, answer=answer, reference=task.answer)
        return (await self._judge.judge(request)).success


class ChatJudge:
    """The published judge: only a readable reply whose judgment is the exact word Yes accepts."""

    def __init__(self, task: Task, chat: ChatModel) -> None:
        self._task, self._chat = task, chat

    async def accepts(self, answer: str) -> bool:
        """One call, tried again where it fails; no verdict counts as no."""
        told = {"question": self._task.question, "expected": self._task.answer, "answer": answer}
        read = await ask_model(self._chat, _PROMPT, told, read_literal)
        if read is None or not {"reasoning", "judgment", "feedback"} <= read.keys():
            return False
        return bool(read["judgment"] == "Yes")
