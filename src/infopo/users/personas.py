"""Other ways to be a user: the same script, worded differently or withheld. For measuring simulator shift.

A persona never adds a fact and never contradicts one. One that withholds does so before the script is asked, so the
script has told nothing and the record says so. All text of its own is lower case and names nothing of any task.
"""

import random
import re
from dataclasses import replace

from infopo.core import Message, UnknownNameError
from infopo.users.base import User, UserReply

WITHHOLDING = {"forgetful": 0.3, "changes-mind": 0.4, "off-topic": 0.3}  # the chance, each time the user is asked
WORDINGS = ("terse", "chatty", "rephrased")
PERSONAS = (*WITHHOLDING, *WORDINGS)

_WITHHELD = {
    "forgetful": ("i forgot", "i cannot think of it just now", "sorry , it slipped my mind"),
    "changes-mind": ("wait , i am having second thoughts", "no , give me a moment , i may want another one"),
    "off-topic": ("by the way , how are you today ?", "funny thing , i just remembered a joke", "never mind , go on"),
}
_MADE_UP = ("all right , i made up my mind :", "okay , now i am sure :")
_OPENERS = ("thanks for asking !", "oh , good question .", "let me see .", "glad that you bring it up .")
_CLOSERS = (
    "i hope that helps .",
    "do tell me if anything is unclear .",
    "that is all i can say .",
    "thank you so much !",
)
_FRAMES = ("to put it differently : {}", "well , let me say it like this : {}", "{} , if i may say so", "so : {}")
_FILLERS = frozenset("a an the i i'm it it's is am are well please really quite just would like to say my".split())


class PersonaUser:
    """The user `user` with a persona (one of `PERSONAS`); what it draws comes from `generator` alone.

    `terse` drops words that carry nothing, `chatty` talks around the answer, `rephrased` puts it in a frame;
    `forgetful` and `off-topic` sometimes do not answer, `changes-mind` sometimes answers only the next time.
    """

    def __init__(self, user: User, persona: str, *, generator: random.Random) -> None:
        if persona not in PERSONAS:
            raise UnknownNameError("persona", persona, list(PERSONAS))
        self._user, self._persona, self._random = user, persona, generator
        self._undecided = False

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The script's reply in this persona's words, or nothing of substance."""
        withholds = self._random.random() < WITHHOLDING.get(self._persona, 0.0)  # drawn every time: one stream
        decided, self._undecided = self._undecided, False
        if withholds and not decided:
            self._undecided = self._persona == "changes-mind"
            return UserReply(text=self._random.choice(_WITHHELD[self._persona]))
        reply = await self._user.reply(messages, request)
        return replace(reply, text=self._worded(reply.text, decided=decided))

    def _worded(self, text: str, *, decided: bool) -> str:
        choice = self._random.choice
        if decided:
            return f"{choice(_MADE_UP)} {text}"
        if self._persona == "chatty":
            return f"{choice(_OPENERS)} {text} {choice(_CLOSERS)}"
        if self._persona == "rephrased":
            return choice(_FRAMES).format(text)
        return terse(text) if self._persona == "terse" else text


def terse(text: str) -> str:
    """The text without words that carry nothing; negations and everything else stay.

    >>> terse("Well, it is not the red one.")
    'not red one.'
    """
    words = re.findall(r"\S+", text)
    kept = [word for word in words if word.strip(",.!;:").lower() not in _FILLERS]
    return " ".join(kept) if kept else text
