"""What the environment says, in both difficulties, and the numbers in it."""

import re
from collections.abc import Mapping, Sequence

from infopo.core import Message
from infopo.envs.usergym.function.formula import VARIABLES
from infopo.envs.usergym.function.task import Task

SYSTEM = """You are to find out what a hidden function does. It takes four numbers a, b, c, d and uses each of them \
once, with addition, subtraction, multiplication, division and brackets; one part of it may be squared. You work in \
turns: each of your messages is exactly one action, and each action gets an answer.

[action] <four whole numbers>  try the function, such as [action] 1 2 3 4.
[search] test  see the test case: the four numbers for which you are asked. They cannot be tried.
[answer] <number>  say what the function gives for the test case. {answers}
[finish]  give up.

The number of turns is limited."""
ONE_ANSWER = "Your first answer counts and ends the conversation."
ANY_ANSWER = "A wrong answer costs a turn."

STANDARD = {
    "opening": "Find out what the function gives for the test case.",
    "test_case": "The test case is {numbers}.",
    "rule": "The function is {rule}.",
    "result": "The function gives {result} for {numbers}.",
    "is_test_case": "These are the numbers of the test case. They cannot be tried.",
    "need_four": "Give exactly four whole numbers.",
    "error": "The function has no value for these numbers.",
    "bad_search": "Only the test case can be looked up: [search] test.",
    "correct": "That is correct.",
    "wrong": "That is not correct.",
    "no_number": "An answer is one number.",
    "finish": "The conversation is over.",
    "finish_unsolved": "The conversation is over. The result would have been {expected}.",
    "invalid": "This is no action. Start your message with [action], [search], [answer] or [finish].",
}
NANO = {
    "opening": "find f",
    "test_case": "test {numbers}",
    "rule": "f is {rule}",
    "result": "f of {numbers} is {result}",
    "is_test_case": "not the test",
    "need_four": "give four numbers from 1 to 7",
    "error": "no value",
    "bad_search": "search test",
    "correct": "right",
    "wrong": "wrong",
    "no_number": "give a number",
    "finish": "bye",
    "finish_unsolved": "bye it is {expected}",
    "invalid": "i did not understand",
}
TEXTS: Mapping[str, Mapping[str, str]] = {"standard": STANDARD, "nano": NANO}

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def numbers_in(text: str) -> list[float]:
    """The numbers of a text: an optional minus directly before, digits, then an optional dot with digits.

    >>> numbers_in("1-2 and .5, 1e3")
    [1.0, -2.0, 5.0, 1.0, 3.0]
    """
    return [float(number) for number in _NUMBER.findall(text)]


def spoken(numbers: Sequence[float], separator: str) -> str:
    """Numbers as a person writes them: whole ones without a dot.

    >>> spoken([1.0, 2.5, 1e300], ", ")
    '1, 2.5, 1e+300'
    """
    return separator.join(f"{number:.12g}" for number in numbers)


def opening(task: Task, difficulty: str, reveal: str, free_answers: bool) -> tuple[Message, ...]:
    """The request, and what is revealed of the task; standard begins with the rules of the talk."""
    texts = TEXTS[difficulty]
    nano = difficulty == "nano"
    lines = [texts["opening"]]
    if reveal != "none":
        lines.append(test_case(task, difficulty))
    if reveal == "all":
        lines.append(texts["rule"].format(rule=spaced(task.rule) if nano else task.rule))
    request = Message(role="user", content="\n".join(lines) if nano else " ".join(lines))
    if nano:
        return (request,)
    system = SYSTEM.format(answers=ANY_ANSWER if free_answers else ONE_ANSWER)
    return (Message(role="system", content=system), request)


def test_case(task: Task, difficulty: str) -> str:
    """The test case; `nano` names each number."""
    named = " ".join(f"{name} {number}" for name, number in zip(VARIABLES, task.test_case, strict=True))
    numbers = named if difficulty == "nano" else spoken(task.test_case, ", ")
    return TEXTS[difficulty]["test_case"].format(numbers=numbers)


def spaced(rule: str) -> str:
    """A rule with blanks around every sign, so that each is one word.

    >>> spaced("(a + b) * c")
    '( a + b ) * c'
    """
    return rule.replace("(", "( ").replace(")", " )")
