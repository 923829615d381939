"""What the environment and its user say, in both difficulties."""

from collections.abc import Mapping

from infopo.core import Message
from infopo.envs.colbench.task import Family, Task

MARKER = "I WANT TO ANSWER:"
SYSTEM = f"""You and a user work out a Python function together. The user knows what it has to do, but tells only \
what you ask for. Each of your messages goes to the user, who replies, until you give your answer: a message with \
{MARKER} and after it the whole function, in Python. Only your first answer counts, and tests decide about it. \
You have {{turns}} messages; the last one is taken as your answer, whatever is in it.

[action] <question> is the same as <question>, and [finish] gives up."""

STANDARD: Mapping[str, tuple[str, ...]] = {
    "answer": ("{said}", "About the {topic}: {said}", "As for the {topic}: {said}"),
    "indifferent": ("I have no wish there.", "I do not know. I never thought about that."),
    "unclear": ("I did not understand that. What would you like to know?",),
    "silence": ("Did you want to say something?",),
}
NANO: Mapping[str, tuple[str, ...]] = {
    "answer": ("{said}",),
    "indifferent": ("no wish there",),
    "unclear": ("i did not understand",),
    "silence": ("i did not understand",),
}
TEXTS = {"standard": STANDARD, "nano": NANO}


def system(turns: int) -> Message:
    """The rules of the talk."""
    return Message(role="system", content=SYSTEM.format(turns=turns))


def opening(task: Task, difficulty: str, turns: int) -> tuple[Message, ...]:
    """The request, and what is told of it; nano also says what could be asked, standard the rules of the talk."""
    family = task.family
    if difficulty == "nano":
        lines = [request(task.family, difficulty), f"ask : {' '.join(fact.name for fact in family.facts)}"]
        lines += [f"my {task.answers[fact.name]}" for fact in family.facts if fact.name in task.told]
        return (Message(role="user", content="\n".join(lines)),)
    told = [f"About the {fact.topic}: {task.answers[fact.name]}" for fact in family.facts if fact.name in task.told]
    return (system(turns), Message(role="user", content=" ".join([request(family, difficulty), *told])))


def request(family: Family, difficulty: str) -> str:
    """The vague request; no two families of a difficulty share it."""
    if difficulty == "nano":
        return f"write f of x {family.request}"
    return f"Please write me a Python function {family.function}({family.parameters}). I need {family.request}."
