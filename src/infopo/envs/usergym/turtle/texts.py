"""What the user says, in both difficulties."""

from collections.abc import Mapping, Sequence

from infopo.core import Message
from infopo.envs.usergym.turtle.words import FACETS, HOW, WHERE, WHO, WHY

SYSTEM = f"""The user tells the surface of a story and hides what is below it; you are to find out what really \
happened. You work in turns: each of your messages is exactly one action, and each action gets an answer.

[action] <question>  ask the user something about the story that can be answered with yes or no.
[answer] <explanation>  tell the whole story: who did it, where the thing was taken, why, and how. Your first \
explanation counts and ends the conversation.
[finish]  give up.

It was one of these people: {", ".join(WHO.names)}. The thing was taken to one of these places: \
{", ".join(WHERE.names)}. The motive was one of these: {", ".join(WHY.names)}. One of these was used: \
{", ".join(HOW.names)}. The number of turns is limited."""

UPSTREAM_SYSTEM = """The user tells the surface of a story and hides what is below it; you are to find out what really \
happened. Each of your messages is one action: [action] and a question that can be answered with yes or no, or \
[answer] and your explanation of the whole story, which you may repeat and improve. The number of turns is limited."""

STANDARD: Mapping[str, tuple[str, ...]] = {
    "yes": ("Yes.", "Yes, that is part of it.", "Yes, it is so."),
    "no": ("No.", "No, that is not part of it.", "No, it is not so."),
    "unclear": (
        "I did not understand that. Please ask something about the story that I can answer with yes or no.",
        "Sorry, what do you mean? I can only say yes or no, to one thing at a time.",
    ),
    "thanks": ("Thank you for your explanation.",),
    "covered": ("Parts of your explanation are right:",),
    "statement": ("{statement} Covered.",),
    "uncovered": ("Your explanation does not cover anything important yet.",),
    "invalid": ("This is no action. Start your message with [action], [answer] or [finish].",),
    "finish": ("The conversation is over.",),
}
NANO: Mapping[str, tuple[str, ...]] = {
    "yes": ("yes",),
    "no": ("no",),
    "unclear": ("i did not understand",),
    "thanks": ("thanks",),
    "covered": ("right :",),
    "statement": ("{statement}",),
    "uncovered": ("nothing right",),
    "invalid": ("i did not understand",),
    "finish": ("bye",),
}
TEXTS = {"standard": STANDARD, "nano": NANO}

_STATED = {
    "who": "It was the {value}.",
    "where": "The thing was taken to this place: {value}.",
    "why": "The motive was {value}.",
    "how": "This was used: {value}.",
}


def opening(event: str, thing: str, stated: Sequence[tuple[str, str]], difficulty: str) -> tuple[Message, ...]:
    """`the bell is gone`, then what each facet may be, then `who is baker` for what is revealed (nano)."""
    if difficulty == "nano":
        lines = [f"the {thing} is gone"]
        lines += [f"{facet.name} : {' '.join(facet.names)}" for facet in FACETS.facets]
        lines += [f"{name} is {value}" for name, value in stated]
        return (Message(role="user", content="\n".join(lines)),)
    sentences = [event.format(thing=thing), "What is behind it?"]
    sentences += [_STATED[name].format(value=value) for name, value in stated]
    return (Message(role="system", content=SYSTEM), Message(role="user", content=" ".join(sentences)))


def explained(values: Mapping[str, str], difficulty: str) -> str:
    """The whole story in one sentence, the facets in their order (nano: nothing but their values)."""
    if difficulty == "nano":
        return " ".join(values[facet.name] for facet in FACETS.facets)
    return "The {who} took it to the {where}, because of {why}, with the help of a {how}.".format_map(values)


def covered(statements: Sequence[str], difficulty: str) -> str:
    """The published reply to an explanation: it quotes the statements that are covered in full."""
    texts = TEXTS[difficulty]
    if not statements:
        return texts["uncovered"][0]
    lines = [texts["statement"][0].format(statement=statement) for statement in statements]
    return "\n".join([texts["covered"][0], *lines])
