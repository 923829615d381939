"""What the environment says, in both difficulties."""

from collections.abc import Mapping, Sequence

from infopo.core import Message
from infopo.envs.usergym.search.task import Hit, Task

SYSTEM = """You are to answer a question that takes several facts. You work in turns: each of your messages is exactly \
one action, and each action gets an answer.

[search] <query>  search for documents. The number of searches is limited.
[answer] <answer>  answer the question, as briefly as possible. {answers}
[finish]  give up.

The number of turns is limited."""
ONE_ANSWER = "Your first answer counts and ends the conversation."
ANY_ANSWER = "A wrong answer costs a turn."

STANDARD: Mapping[str, str] = {
    "results": 'Results for "{query}":',
    "hit": "{number}. {title}\nSnippet: {snippet}",
    "nothing": 'No results for "{query}".',
    "limit": "You have used up your searches.",
    "empty_query": "Say what to search for.",
    "correct": "Correct: {answer}",
    "wrong": "Not correct: {answer}",
    "empty_answer": "Say what the answer is.",
    "finish": "The conversation is over.",
    "finish_unsolved": "The conversation is over. The answer would have been {gold}.",
    "invalid": "This is no action. Start your message with [search], [answer] or [finish].",
}
NANO: Mapping[str, str] = {
    "results": "found",
    "hit": "{snippet}",
    "nothing": "nothing found",
    "limit": "no more search",
    "empty_query": "search what ?",
    "correct": "right",
    "wrong": "wrong",
    "empty_answer": "answer what ?",
    "finish": "bye",
    "finish_unsolved": "bye it is {gold}",
    "invalid": "i did not understand",
}
TEXTS: Mapping[str, Mapping[str, str]] = {"standard": STANDARD, "nano": NANO}


def opening(task: Task, difficulty: str, free_answers: bool) -> tuple[Message, ...]:
    """The question, then what is revealed; standard begins with the rules of the talk."""
    lines = [task.question, *(str(hit.snippet) for hit in task.told)]
    if difficulty == "nano":
        return (Message(role="user", content="\n".join(lines)),)
    system = SYSTEM.format(answers=ANY_ANSWER if free_answers else ONE_ANSWER)
    return (Message(role="system", content=system), Message(role="user", content=" ".join(lines)))


def results(query: str, hits: Sequence[Hit], difficulty: str) -> str:
    """The hits, numbered, below a header that quotes the query; or that there are none."""
    texts = TEXTS[difficulty]
    if not hits:
        return texts["nothing"].format(query=query)
    lines = [texts["results"].format(query=query)]
    for number, hit in enumerate(hits, start=1):
        lines.append(texts["hit"].format(number=number, title=hit.title, snippet=hit.snippet))
    return "\n".join(lines)
