"""The dialect of difficulty `standard`: natural prose, options as JSON lines."""

import datetime
import json
from collections.abc import Mapping

from infopo.core import Message, derive_random
from infopo.envs.usergym.travel import grammar, queries
from infopo.envs.usergym.travel.dialect import Question
from infopo.envs.usergym.travel.task import AspectTask, Preference, Task
from infopo.envs.usergym.travel.vocabulary import STANDARD
from infopo.envs.usergym.travel.words import MONTHS

SYSTEM = """You are a travel assistant. Help the user to book every part of a trip. You work in turns: each of your \
messages is exactly one action, and each action gets an answer.

[action] <message>  talk to the user. Users have preferences that they have not told you; they reveal them, mostly by \
hints, when you ask a concrete question about one thing.
[search] <query>  search the database. A query is about one part of the trip and names all of its arguments: places, \
dates, numbers of nights, days or people.
[answer] <option id>  book one option, such as [answer] F3. Each part of the trip can be booked once and never changed.
[finish]  end the conversation early.

For each part of the trip, exactly one option is best: the cheapest one that satisfies every preference of the user \
about it. Find out what the user wants before you book. The conversation ends when every part is booked, or after a \
limited number of turns."""

REPLIES = {
    "unclear": "Sorry, I did not understand that. Could you ask me in another way?",
    "invalid": "This is no action. Start your message with [action], [search], [answer] or [finish].",
    "no_wish": "I have no particular wish about that.",
    "vague": "That is a bit general. Please ask me about one concrete thing.",
    "talk": "All right.",
    "search_bad": "No search was made. Please search for one part of the trip at a time, with all of its arguments "
    "exactly as the user gave them.",
    "search_repeated": "These options were already shown. See the earlier result.",
    "search_failed": "The database does not respond at the moment. Please try again.",
    "chosen": "This part of the trip is already booked. A booking cannot be changed.",
    "no_option": "This is no option. Answer with exactly one option id from the search results.",
    "saved": "Option {option} is booked.",
    "finish": "The conversation is over.",
}

_LEADS = ("", "Let me think. ", "Good question. ", "Well, how shall I put it? ", "Oh, that matters to me. ")
_AGAIN = ("As I said: ", "I told you about that. ", "To say it once more: ")
_INTROS = (
    "Hello! I am planning a trip and could use your help.",
    "Hi, please help me with my trip.",
    "Good morning. I am going away and have some things to book.",
    "Hello, I have a trip coming up.",
)
_OUTROS = (
    "Please find what suits me best.",
    "I have my own taste, so please do not just take anything.",
    "I am looking forward to your suggestions.",
    "It should suit me, and it should not cost more than it has to.",
)
# each sentence names exactly one aspect and all of its arguments
_REQUESTS = {
    "flight": (
        "I need a flight from {origin} to {destination} on {date} for {passengers}.",
        "Please look for a flight that leaves {origin} on {date} and takes {passengers} to {destination}.",
        "A flight for {passengers} has to be booked from {origin} to {destination}, on {date}.",
    ),
    "hotel": (
        "I need a hotel in {city} for {nights} from {check_in}.",
        "Please look for a hotel in {city}, with check-in on {check_in}, for {nights}.",
        "From {check_in} I want to stay in a hotel in {city} for {nights}.",
    ),
    "apartment": (
        "I need an apartment in {city} for {guests}, for {nights} from {check_in}.",
        "Please look for an apartment in {city}, with check-in on {check_in}, for {nights} and {guests}.",
        "From {check_in} there should be an apartment in {city} for {guests}, and that for {nights}.",
    ),
    "rental_car": (
        "I need a rental car in {city} for {days} from {pick_up}.",
        "Please look for a rental car in {city}, starting on {pick_up}, for {days}.",
        "From {pick_up} I would like to have a rental car in {city} for {days}.",
    ),
    "restaurant": (
        "I need a table at a restaurant in {city} on {date} for {people}.",
        "Please look for a restaurant in {city} for {people} on {date}.",
        "On {date} I would like to go to a restaurant in {city} with a party of {people}.",
    ),
}
_COUNTED = {
    "nights": ("night", "nights"),
    "days": ("day", "days"),
    "passengers": ("passenger", "passengers"),
    "guests": ("guest", "guests"),
    "people": ("person", "people"),
}


class StandardDialect:
    """See `Dialect`."""

    varies_cues = True
    answers_several = True

    def opening(self, task: Task, seed: int) -> tuple[Message, ...]:
        """The rules as a system message, then the user's request, in one of several phrasings."""
        rng = derive_random(seed, "travel-opening", task.task_id)
        sentences = [rng.choice(_INTROS)]
        american = rng.random() < 0.5
        for part in task.aspects:
            words = {name: _worded(name, value, american) for name, value in part.arguments}
            sentences.append(rng.choice(_REQUESTS[part.aspect]).format_map(words))
        for preference in task.preferences:
            if preference.fact in task.revealed:
                words_of = STANDARD[preference.aspect]
                wish = words_of.topic(preference.topic).value(preference.value).wish
                sentences.append(f"About the {words_of.title}: {wish}")
        sentences.append(rng.choice(_OUTROS))
        request = Message(role="user", content=" ".join(sentences))
        return (Message(role="system", content=SYSTEM), request)

    def listing(self, part: AspectTask) -> str:
        """A header, then one JSON object an option."""
        title, unit = STANDARD[part.aspect].title, "a person" if part.aspect == "restaurant" else "in total"
        lines = [f"Search results for the {title} ({len(part.options)} options, costs in US dollars {unit}):"]
        lines += [json.dumps({"id": option.option_id, **dict(option.details)}) for option in part.options]
        return "\n".join(lines)

    def cue(self, preference: Preference, number: int, *, context: str) -> str:
        """A hint in a sentence of the user's."""
        words = STANDARD[preference.aspect]
        cues = words.topic(preference.topic).value(preference.value).cues
        cue = cues[number % len(cues)]
        if context == "unasked":
            return f"By the way, about the {words.title}: {cue}"
        lead = _AGAIN[number % len(_AGAIN)] if context == "again" else _LEADS[number % len(_LEADS)]
        end = " But please ask me about one thing at a time." if context == "several" else ""
        return f"{lead}{cue}{end}"

    def say(self, key: str, values: Mapping[str, str]) -> str:
        """A fixed reply."""
        return REPLIES[key].format_map(values)

    def question(self, text: str, task: Task, mentioned: str | None) -> Question:
        """See `grammar.understand`."""
        return grammar.understand(text, task, mentioned)

    def search(self, text: str, task: Task) -> str | None:
        """See `queries.matched_aspect`."""
        return queries.matched_aspect(text, task)


def _worded(name: str, value: str, american: bool) -> str:
    """An argument as a person writes it: `June 12, 2026`, `5 nights`."""
    if name in _COUNTED:
        return f"{value} {_COUNTED[name][value != '1']}"
    if name not in ("date", "check_in", "pick_up"):
        return value
    date = datetime.date.fromisoformat(value)
    month = MONTHS[date.month - 1].capitalize()
    return f"{month} {date.day}, {date.year}" if american else f"{date.day} {month} {date.year}"
