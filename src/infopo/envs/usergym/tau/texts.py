"""What the environment and the customer say, in both difficulties."""

import json
from collections.abc import Mapping
from typing import Any

from infopo.core import Message, derive_random

STOP = "###STOP###"  # the published token with which a customer leaves
NANO_STOP = STOP.lower()

SYSTEM = """You are a customer service agent. You work in turns: each of your messages is exactly one action, and each \
action gets an answer.

[action] <message>  talk to the customer. Ask for what you need: customers answer what they are asked, no more.
[search] tools  see the list of your tools, once.
[answer] <tool call>  call a tool, such as [answer] {"name": "find_user", "arguments": {"name": "Ann Lee", "zip": \
"12345"}}. It is executed as it is, and some calls cannot be undone.
[finish]  end the conversation.

The conversation ends when the customer is content, when you transfer it, or after a limited number of turns."""

STANDARD: Mapping[str, tuple[str, ...]] = {
    "name": ("My name is {v}.", "I am {v}.", "{v} is my name."),
    "zip": ("My zip code is {v}.", "The zip code is {v}."),
    "request": ("{v}.", "Well, {v}, please.", "The thing is: {v}."),
    "product": ("It is about the {v}.", "The {v} that I ordered.", "I mean the {v}."),
    "destination": ("It is about my trip to {v}.", "The booking to {v}, I mean.", "I mean the one to {v}."),
    "reason": ("The reason: {v}.", "Put it down as {v}.", "It is because of this: {v}."),
    "color": ("I would like it in {v}.", "{v}, please.", "The {v} one."),
    "payment": ("Back to my {v}, please.", "I want the money on my {v}."),
    "city": ("It should go to {v}.", "{v} is where I am now."),
    "day": ("On {v}, please.", "{v} would suit me."),
    "bags": ("I need {v} bags in all.", "{v} bags, all together."),
    "cabin": ("In {v}, please.", "I would like to sit in {v}."),
    "yes": ("Yes, please do that.", "Yes, go ahead.", "That is right."),
    "no": ("No. {v}", "No, that is not what I meant. {v}"),
    "another": ("No, you have got hold of something else there.",),
    "indifferent": ("I do not mind about that.", "That does not matter to me."),
    "unclear": ("I did not understand that. What do you need to know from me?",),
    "open": ("What I came for is not settled yet.", "I do not think that this is done."),
    "leave": (f"Thank you, that is all. {STOP}", f"Good, then I have what I need. {STOP}"),
    "retail": ("Hello, I need help with my order.", "Hi, something about an order of mine."),
    "airline": ("Hello, I need help with a flight.", "Hi, something about a booking of mine."),
    "bad_call": (
        'This is no tool call. Write [answer] {{"name": "get_order", "arguments": {{"order_id": "..."}}}}: {v}.',
    ),
    "error": ("Error: {v}.",),
    "repeated_tools": ("The tools were listed before.",),
    "unsupported": ("Only [search] tools and [search] help are supported.",),
    "help": ("Talk with [action], call a tool with [answer] and JSON, end with [finish].",),
    "user_error": ("The customer cannot be reached at the moment.",),
    "invalid": ("This is no action. Start your message with [action], [search], [answer] or [finish].",),
    "finish": ("The conversation is over.",),
}
NANO: Mapping[str, tuple[str, ...]] = {
    "name": ("name {v}",),
    "zip": ("zip {v}",),
    "request": ("i want {v}",),
    "product": ("the {v}",),
    "destination": ("to {v}",),
    "reason": ("because {v}",),
    "color": ("in {v}",),
    "payment": ("on my {v}",),
    "city": ("send to {v}",),
    "day": ("on {v}",),
    "bags": ("{v} bags",),
    "cabin": ("in {v}",),
    "yes": ("yes",),
    "no": ("no {v}",),
    "another": ("no another one",),
    "indifferent": ("no wish there",),
    "unclear": ("i did not understand",),
    "open": ("not yet",),
    "leave": (f"thanks bye {NANO_STOP}",),
    "retail": ("hello about my order",),
    "airline": ("hello about my flight",),
    "bad_call": ("no tool call",),
    "error": ("error {v}",),
    "repeated_tools": ("already shown",),
    "unsupported": ("search tools",),
    "help": ("action answer finish",),
    "user_error": ("no answer",),
    "invalid": ("i did not understand",),
    "finish": ("bye",),
}
TEXTS = {"standard": STANDARD, "nano": NANO}

# what a value is called in a sentence, where it is not its own name
REQUESTS = {
    "cancel": "I want to cancel something",
    "recolor": "I want to exchange something for another color",
    "return": "I want to return something",
    "move": "I want to have something sent to another address",
    "price": "I want to know a price",
    "reschedule": "I want to go on another day",
    "luggage": "I want to take more bags along",
    "seat": "I want to change to another cabin",
}
PAYMENTS = {"card": "credit card", "gift": "gift card", "wallet": "wallet"}


def sentence(slot: str, value: str, texts: Mapping[str, tuple[str, ...]], wording: float) -> str:
    """What a customer says of a slot, in one of the wordings; `wording` in [0, 1) says which."""
    if texts is STANDARD:
        value = {"request": REQUESTS, "payment": PAYMENTS}.get(slot, {}).get(value, value)
        value = value.capitalize() if slot in ("city", "destination", "day") else value
    return pick(texts, slot, wording).format(v=value)


def pick(texts: Mapping[str, tuple[str, ...]], key: str, wording: float) -> str:
    """One of the wordings of a text."""
    ways = texts[key]
    return ways[int(wording * len(ways))]


def instruction(facts: Mapping[str, str]) -> str:
    """What the customer knows, for whoever plays one: a model, or a person."""
    known = [sentence(slot, value, STANDARD, 0.0) for slot, value in facts.items()]
    return f"You are a customer. {' '.join(known)} Say {STOP} when everything is done."


def recorded_opening(domain: str, difficulty: str, task_id: str) -> str:
    """A first utterance that was recorded once for a task, whoever calls."""
    return pick(TEXTS[difficulty], domain, derive_random("tau-recorded", task_id).random())


def opening(
    first: str, facts: Mapping[str, str], *, told: tuple[str, ...], difficulty: str, policy: str
) -> tuple[Message, ...]:
    """The policy, where there is one, then the first utterance with what it states."""
    texts, nano = TEXTS[difficulty], difficulty == "nano"
    lines = [first, *(sentence(slot, facts[slot], texts, 0.0) for slot in told)]
    request = Message(role="user", content=("\n" if nano else " ").join(lines))
    system = policy if nano else "\n\n".join([SYSTEM, policy] if policy else [SYSTEM])
    return (Message(role="system", content=system), request) if system else (request,)


def shown(result: Any, *, nano: bool) -> str:
    """A tool's result: JSON, or at difficulty nano names and values as words, one line a record."""
    if not nano:
        return result if isinstance(result, str) else json.dumps(result)
    rows = result if isinstance(result, list) else [result]
    return "\n".join(" ".join(_words(row)) for row in rows)


def _words(value: Any) -> list[str]:
    if isinstance(value, dict):
        # a list of records needs no name of its own
        return [
            word
            for name, inner in value.items()
            for word in ([] if inner and isinstance(inner, list) and isinstance(inner[0], dict) else [name])
            + _words(inner)
        ]
    if isinstance(value, list):
        return [word for inner in value for word in _words(inner)]
    return [str(value)]
