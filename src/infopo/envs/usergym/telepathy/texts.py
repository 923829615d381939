"""What the user says, in both difficulties."""

from collections.abc import Mapping, Sequence

from infopo.core import Message
from infopo.envs.usergym.telepathy.words import COLOR, PATTERN, SIZE, an, facet_values

SYSTEM = f"""The user thinks of one thing, and you are to find out which. You work in turns: each of your messages is \
exactly one action, and each action gets an answer.

[action] <question>  ask the user something that can be answered with yes or no.
[answer] <thing>  say which thing it is: its size, its color, its pattern and what it is, in \
this order. A guess that misses costs a turn.
[finish]  give up.

Sizes are {", ".join(SIZE.names)}; colors are {", ".join(COLOR.names)}; patterns are {", ".join(PATTERN.names)}. What \
kind of thing it is you have to find out as well. The number of turns is limited."""

UPSTREAM_SYSTEM = """The user thinks of something, and you are to find out what. Each of your messages is one action: \
[action] and a question that can be answered with yes or no, or [answer] and your guess, which you may repeat. The \
number of turns is limited, so begin with general questions."""

STANDARD: Mapping[str, tuple[str, ...]] = {
    "yes": ("Yes.", "Yes, that is right.", "Yes, it is so."),
    "no": ("No.", "No, that is not so.", "No, it is not."),
    "unclear": (
        "I did not understand that. Please ask something that I can answer with yes or no.",
        "Sorry, what do you mean? I can only say yes or no, to one thing at a time.",
    ),
    "right": ("That is it!",),
    "wrong": ("That is not it.",),
    "invalid": ("This is no action. Start your message with [action], [answer] or [finish].",),
    "finish": ("The conversation is over.",),
}
NANO: Mapping[str, tuple[str, ...]] = {
    "yes": ("yes",),
    "no": ("no",),
    "unclear": ("i did not understand",),
    "right": ("right",),
    "wrong": ("wrong",),
    "invalid": ("i did not understand",),
    "finish": ("bye",),
}
TEXTS = {"standard": STANDARD, "nano": NANO}


def opening(category: str, stated: Sequence[tuple[str, str]], difficulty: str) -> tuple[Message, ...]:
    """`guess the vehicle`, then the values each facet may have, then `color is red` for what is revealed (nano)."""
    if difficulty == "nano":
        lines = [f"guess the {category}"]
        lines += [f"{name} : {' '.join(values)}" for name, values in facet_values(category).items()]
        lines += [f"{name} is {value}" for name, value in stated]
        return (Message(role="user", content="\n".join(lines)),)
    thing = "a piece of furniture" if category == "furniture" else an(category)
    text = f"I am thinking of {thing}. Try to find out which one by asking yes/no questions!"
    text += "".join(f" Its {name} is {value}." for name, value in stated)
    return (Message(role="system", content=SYSTEM), Message(role="user", content=text))
