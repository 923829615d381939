"""Which questions were settled before they were asked: a rule on words, held against the information gain.

A question is *redundant* where both hold:

1. It asks what an earlier question of the dialogue had asked, whose reply had told something: it was neither empty nor
   one of the replies that tell nothing. Asking the same means: all its words that carry content stand in the earlier
   one, and it is marked by the same tag. A tool call, or a question without such words, has to be the same word by
   word.
2. Its own reply gained at most a threshold: the next action is as likely with a placeholder in the place of the reply.

The first alone would blame a user who changes their mind, the second alone every reply that is used only later. Not
found: a question asked again in synonyms. The list of words without content is English. Without a gain (nobody acted on
the reply) it is not known.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from infopo.core import Message, after_thought
from infopo.evaluation.gain_report import PLACEHOLDERS

_WORD = re.compile(r"\w+")
_TAG = re.compile(r"\s*\[(\w+)\]")
_EMPTY_WORDS = frozenset(
    """a about again all also am an and any are as at be been by can could did do does for from get give had has
    have hello hi how i if in is it its just kind know let like looking may me might more my need of ok okay on
    one or other our please prefer preference preferences preferred say shall should so some sort tell thank
    thanks that the their them then there these they this those to type us want wanted was we were what when
    where which who whose why will wish with would yes you your""".split()
)

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is compared of an action. `content` is empty for a tool call."""

    tag: str
    words: Words
    content: frozenset[str]

    def within(self, other: "Question") -> bool:
        """Whether this asks for nothing that the other did not ask for.

        >>> first, again = (question_of(Message(role="assistant", content=text)) for text in
        ...     ("[action] Which seat do you prefer?", "[action] And the seat, please?"))
        >>> again.within(first), first.within(question_of(Message(role="assistant", content="[action] which meal ?")))
        (True, False)
        """
        if self.tag != other.tag:
            return False
        return self.content <= other.content if self.content else self.words == other.words


def words_of(text: str) -> Words:
    """The words of a text after its thought, in order.

    >>> words_of("<think>hm</think>Which seat, please?")
    ('which', 'seat', 'please')
    """
    return tuple(_WORD.findall(after_thought(text).lower()))


def question_of(action: Message) -> Question:
    """What an action asks."""
    text = after_thought(action.content)
    tag = _TAG.match(text)
    words = words_of(said(action))
    content = frozenset() if action.tool_calls else frozenset(words_of(text[tag.end() if tag else 0 :])) - _EMPTY_WORDS
    return Question(tag=tag.group(1).lower() if tag else "", words=words, content=content)


def repeats(
    actions: Sequence[Message], replies: Sequence[Sequence[Message]], *, empty: Sequence[str] = ()
) -> list[int | None]:
    """For every action, the latest earlier one that asked the same and was told something; None where there is none.

    `replies` answered the actions, one by one. `empty`: texts that tell nothing, beside the usual ones.
    """
    nothing = {words_of(text) for text in (*PLACEHOLDERS, *empty, "")}
    questions = [question_of(action) for action in actions]
    told = [any(words_of(message.content) not in nothing for message in answers) for answers in replies]
    return [
        next((k for k in reversed(range(index)) if told[k] and asked.within(questions[k])), None)
        if asked.words
        else None
        for index, asked in enumerate(questions)
    ]


def said(message: Message) -> str:
    """What a message says, its tool calls after its text."""
    calls = [f"{call.name}({call.arguments})" for call in message.tool_calls]
    return "\n".join(part for part in (message.content, *calls) if part)


def is_redundant(repeated: int | None, gain: float | None, threshold: float) -> bool | None:
    """The rule of this module; None where the gain was not measured and would decide."""
    if repeated is None:
        return False
    return None if gain is None else gain <= threshold
