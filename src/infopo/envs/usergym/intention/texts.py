"""What the user says, in both difficulties."""

from collections.abc import Mapping

from infopo.core import Message
from infopo.envs.usergym.intention.task import Task
from infopo.envs.usergym.intention.words import topics_of

SYSTEM = """The user asks for something and leaves out what they have in mind; you are to find it out before anybody \
begins. You work in turns: each of your messages is exactly one action, and each action gets an answer.

[action] <question>  ask the user about one thing that you need to know.
[finish]  end the conversation.

What matters most is worth most, and a question about several things at once is worth less than questions about one \
thing each. The conversation ends when everything is clear, or after a limited number of turns."""

STANDARD: Mapping[str, tuple[str, ...]] = {
    "answer": (
        "The {topic}: {value}, please.",
        "As for the {topic}, {value}.",
        "{value}, if you ask me for the {topic}.",
    ),
    "indifferent": ("I do not mind about that.", "That does not matter to me."),
    "unclear": ("I did not understand that. What would you like to know?",),
    "fallback": ("Could you ask me in another way?", "Let us go on, please.", "I am not sure what to say to that."),
    "invalid": ("This is no action. Start your message with [action] or [finish].",),
    "finish": ("The conversation is over: {covered} of {total} things are clear.",),
}
NANO: Mapping[str, tuple[str, ...]] = {
    "answer": ("{topic} {value}",),
    "indifferent": ("no wish there",),
    "unclear": ("i did not understand",),
    "fallback": ("okay",),
    "invalid": ("i did not understand",),
    "finish": ("bye {covered} of {total}",),
}
TEXTS = {"standard": STANDARD, "nano": NANO}


def opening(task: Task, difficulty: str) -> tuple[Message, ...]:
    """`i need a party`, then what could be asked, then `my date is friday` for what is revealed (nano)."""
    stated = [detail for detail in task.details if detail.fact in task.told]
    if difficulty == "nano":
        lines = [f"i need a {task.category}", f"ask : {' '.join(topics_of(task.category))}"]
        lines += [f"my {detail.fact} is {detail.value}" for detail in stated]
        return (Message(role="user", content="\n".join(lines)),)
    sentences = [task.request, *(f"My {detail.fact} is {detail.value}." for detail in stated)]
    return (Message(role="system", content=SYSTEM), Message(role="user", content=" ".join(sentences)))
