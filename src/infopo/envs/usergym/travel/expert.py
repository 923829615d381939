"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

from dataclasses import dataclass, field

from infopo.core import Message, derive_random
from infopo.envs.base import parse_action
from infopo.envs.registry import ExpertKind
from infopo.envs.usergym.travel.nano import PRICES
from infopo.envs.usergym.travel.options import TravelOptions
from infopo.envs.usergym.travel.readers import Brief, Listing, Reader, Row, Topic, reader_of
from infopo.envs.usergym.travel.words import NO_INFORMATION

ASK_PROBABILITIES = (0.2, 0.4, 0.7)  # weak: one of these a dialogue, so that both haste and care are seen
ASK_AGAIN_PROBABILITY = 0.3
UNKNOWN = "unknown"
MOST_SEARCHES = 5  # of one aspect; then the database is given up


@dataclass(slots=True)
class _Notes:
    """What the dialogue so far has brought, read from the messages."""

    brief: Brief
    listings: dict[str, Listing] = field(default_factory=dict)
    known: dict[Topic, str] = field(default_factory=dict)
    searches: dict[str, int] = field(default_factory=dict)
    asked: dict[Topic, int] = field(default_factory=dict)
    unanswered: set[Topic] = field(default_factory=set)  # the last question about it got no answer
    booked: set[str] = field(default_factory=set)
    news: str | None = None  # topic and value that the last message gave away


class TravelExpert:
    """Works through the aspects in the order of the opening: search, ask, book.

    `full` asks for every topic that the listing shows, twice if need be. `weak` stops asking too early, by chance,
    and then guesses among the options that agree with what it knows. Both always book the best option where they
    know everything. One expert may play many dialogues, one after another.
    """

    def __init__(self, kind: ExpertKind, seed: int, options: TravelOptions) -> None:
        self._kind = kind
        self._rng = derive_random(seed, "travel-expert", kind)
        self._reader: Reader = reader_of(options.difficulty)
        self._nano = options.difficulty == "nano"
        self._ask_probability = 0.5
        self._hasty: set[str] = set()
        self._given_up: set[Topic] = set()

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text."""
        if all(message.role != "assistant" for message in messages):
            self._ask_probability = self._rng.choice(ASK_PROBABILITIES)
            self._hasty, self._given_up = set(), set()
        notes = self._read(messages)
        for aspect in notes.brief.aspects:
            if aspect in notes.booked:
                continue
            listing = notes.listings.get(aspect)
            if listing is None:
                if notes.searches.get(aspect, 0) >= MOST_SEARCHES:
                    break
                return f"[search] {notes.brief.queries[aspect]}"
            topic = self._next_topic(notes, listing)
            if topic is not None:
                return self._thinking(notes.news) + f"[action] {self._reader.ask(topic)}"
            row = self._pick(notes, listing)
            words = [value or UNKNOWN for value in row.values] + [PRICES[not row.cheap], row.option_id]
            known = [(name, notes.known.get((aspect, name))) for name in listing.topics]
            recalled = [word for name, value in known if value is not None for word in (name, value)]
            return self._thinking(" ".join([*recalled, ":", *words])) + f"[answer] {row.option_id}"
        return "[finish]"

    def _thinking(self, thought: str | None) -> str:
        return f"<think> {thought}</think>" if thought and self._nano else ""

    def _read(self, messages: tuple[Message, ...]) -> _Notes:
        first = next((k for k, message in enumerate(messages) if message.role == "assistant"), len(messages))
        notes = _Notes(brief=self._reader.brief(messages[:first]))
        notes.known.update(notes.brief.stated)
        for action, answer in zip(messages[first:], messages[first + 1 :], strict=False):
            if action.role == "assistant" and answer.role != "assistant":
                notes.news = None
                self._note(notes, action, answer.content)
        return notes

    def _note(self, notes: _Notes, message: Message, answer: str) -> None:
        action = parse_action(message)
        if action.choice == "search":
            listing = self._reader.listing(answer)
            if listing is not None:
                notes.listings[listing.aspect] = listing
            else:
                for aspect, query in notes.brief.queries.items():
                    if query == action.content:
                        notes.searches[aspect] = notes.searches.get(aspect, 0) + 1
        elif action.choice == "action":
            topic = self._reader.asked(action.content)
            if topic is None:
                return
            notes.asked[topic] = notes.asked.get(topic, 0) + 1
            notes.unanswered.discard(topic)
            value = self._reader.decode(topic, answer)
            if value is not None:
                notes.known[topic] = value
                notes.news = f"{topic[1]} {value}"
            elif answer == NO_INFORMATION:
                notes.unanswered.add(topic)
        elif action.choice == "answer":
            for aspect, listing in notes.listings.items():
                if any(row.option_id == action.content for row in listing.rows):
                    notes.booked.add(aspect)

    def _next_topic(self, notes: _Notes, listing: Listing) -> Topic | None:
        for name in listing.topics:
            topic = (listing.aspect, name)
            if topic in notes.known or topic in self._given_up or listing.aspect in self._hasty:
                continue
            if self._wants(notes, topic):
                return topic
        return None

    def _wants(self, notes: _Notes, topic: Topic) -> bool:
        """Whether to ask for a topic (again). A no is remembered for the rest of the dialogue."""
        asked = notes.asked.get(topic, 0)
        if self._kind == "full":
            wants = asked == 0 or (asked == 1 and topic in notes.unanswered)
        elif asked == 0:
            wants = self._rng.random() < self._ask_probability
            if not wants:
                self._hasty.add(topic[0])
        else:
            wants = topic in notes.unanswered and self._rng.random() < ASK_AGAIN_PROBABILITY
        if not wants:
            self._given_up.add(topic)
        return wants

    def _pick(self, notes: _Notes, listing: Listing) -> Row:
        """A cheap option that agrees with everything known, uniformly."""
        known = [notes.known.get((listing.aspect, name)) for name in listing.topics]
        agreeing = [
            row
            for row in listing.rows
            if all(want is None or want == value for want, value in zip(known, row.values, strict=True))
        ]
        rows = [row for row in agreeing if row.cheap] or agreeing or list(listing.rows)
        return self._rng.choice(rows)
