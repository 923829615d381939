"""The dialect of difficulty `nano`: short lines, lower case, a closed vocabulary."""

import re
from collections.abc import Mapping

from infopo.core import Message
from infopo.envs.usergym.travel.dialect import Question, Topic
from infopo.envs.usergym.travel.task import AspectTask, Preference, Task
from infopo.envs.usergym.travel.vocabulary.nano import CITIES, NANO
from infopo.envs.usergym.travel.words import MONTHS

REPLIES = {
    "unclear": "i did not understand",
    "invalid": "i did not understand",
    "no_wish": "no wish there",
    "vague": "please ask about one thing",
    "talk": "okay",
    "search_bad": "please search one aspect with city and month",
    "search_repeated": "already shown",
    "search_failed": "please search again",
    "chosen": "already chosen",
    "no_option": "no such option",
    "saved": "saved {option}",
    "finish": "bye",
}
PRICES = ("low", "high")

_WORD = re.compile(r"[a-z_]+")
_TOPIC_OF: dict[str, Topic] = {t.name: (a.name, t.name) for a in NANO.values() for t in a.topics}
_ASPECT_OF = {word: aspect.name for aspect in NANO.values() for word in aspect.synonyms}
_ASKING = frozenset("which what where when who how do does any tell prefer want like need your".split())
_VAGUE = frozenset("anything something everything else preference preferences wish wishes more other".split())
_TALK = frozenset("hello hi hey thanks thank okay ok great good fine sure yes no please wait sorry bye".split())


class NanoDialect:
    """See `Dialect`."""

    varies_cues = False
    answers_several = False

    def opening(self, task: Task, seed: int) -> tuple[Message, ...]:
        """`i need a flight and a hotel in rome in june`, then a line per stated preference."""
        titles = [NANO[part.aspect].title for part in task.aspects]
        wanted = " and ".join(f"an {title}" if title[0] in "aeiou" else f"a {title}" for title in titles)
        arguments = dict(task.aspects[0].arguments)
        lines = [f"i need {wanted} in {arguments['city']} in {arguments['month']}"]
        lines += [f"my {p.topic} {p.value}" for p in task.preferences if p.fact in task.revealed]
        return (Message(role="user", content="\n".join(lines)),)

    def listing(self, part: AspectTask) -> str:
        """`flight by seat meal :`, then an indented row an option: values, price word, id.

        Indented, so that a word is the same token at the start of a row as anywhere else.
        """
        topics = " ".join(preference.topic for preference in part.preferences)
        lines = [f"{NANO[part.aspect].title} by {topics} :"]
        for option in part.options:
            values = " ".join(value or "unknown" for value in option.values)
            lines.append(f" {values} {PRICES[option.price]} {option.option_id}")
        return "\n".join(lines)

    def cue(self, preference: Preference, number: int, *, context: str) -> str:
        """The bare hint, whatever the context."""
        cues = NANO[preference.aspect].topic(preference.topic).value(preference.value).cues
        return cues[number % len(cues)]

    def say(self, key: str, values: Mapping[str, str]) -> str:
        """A fixed reply of the closed vocabulary."""
        return REPLIES[key].format_map(values)

    def question(self, text: str, task: Task, mentioned: str | None) -> Question:
        """A topic word together with a question mark or a question word asks for that topic."""
        words = _WORD.findall(text.lower())
        asking = "?" in text or not _ASKING.isdisjoint(words)
        topics = tuple(dict.fromkeys(_TOPIC_OF[word] for word in words if word in _TOPIC_OF))
        if topics and asking:
            return Question(kind="topic" if len(topics) == 1 else "several", topics=topics)
        if asking and not _VAGUE.isdisjoint(words):
            return Question(kind="vague")
        if not asking and not _TALK.isdisjoint(words):
            return Question(kind="talk")
        return Question(kind="unclear")

    def search(self, text: str, task: Task) -> str | None:
        """Exactly one aspect, the trip's city and the trip's month, and no other city or month."""
        words = _WORD.findall(text.lower())
        aspects = {_ASPECT_OF[word] for word in words if word in _ASPECT_OF}
        aspect = aspects.pop() if len(aspects) == 1 else None
        part = next((part for part in task.aspects if part.aspect == aspect), None)
        if part is None:
            return None
        named = {word for word in words if word in _PLACES_AND_MONTHS}
        return part.aspect if named == {value for _, value in part.arguments} else None


_PLACES_AND_MONTHS = frozenset(CITIES) | frozenset(MONTHS)
