"""Understanding search queries (difficulty `standard`): cities, dates, numbers with their units."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

from infopo.envs.usergym.phrases import Phrases, plain, stems
from infopo.envs.usergym.travel.grammar import aspects_in
from infopo.envs.usergym.travel.scenarios import YEAR
from infopo.envs.usergym.travel.task import AspectTask, Task
from infopo.envs.usergym.travel.vocabulary.places import CITIES
from infopo.envs.usergym.travel.words import MONTHS

_CITY_PHRASES = Phrases((city, city) for city in CITIES)
_NUMBER_WORDS = {word: k for k, word in enumerate("zero one two three four five six seven eight nine ten".split())}
_UNITS = {
    "night": "night",
    "day": "day",
    **dict.fromkeys(
        ("person", "people", "passenger", "guest", "adult", "traveller", "traveler", "pax", "diner", "ticket"), "person"
    ),
}
_UNIT_OF_ARGUMENT = {"nights": "night", "days": "day", "passengers": "person", "guests": "person", "people": "person"}
_PLACE_ARGUMENTS = ("origin", "destination", "city")
_DATE_ARGUMENTS = ("date", "check_in", "pick_up")
_LENGTH_ARGUMENTS = ("nights", "days")

_MONTH_NAMES = (f"{month[:3]}(?:{month[3:]})?" if len(month) > 3 else month for month in MONTHS)
_MONTH = "(" + "|".join(_MONTH_NAMES) + r"|sept)\b\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_RANGE = r"(?:\s*(?:-|\u2013|to|until|till)\s*" + _DAY + r"(?![\w-]))?"
_YEAR = r"(?:,?\s*(\d{4})(?!\d))?"
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_DOTTED = re.compile(r"(?<!\d)(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_DAY_MONTH = re.compile(r"(?<![\w-])" + _DAY + _RANGE + r"\s*(?:of\s+)?" + _MONTH + _YEAR)
_MONTH_DAY = re.compile(r"\b" + _MONTH + r"\s*(?:the\s+)?" + _DAY + r"(?![\d])" + _RANGE + _YEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a query mentions. `counts` maps a unit to its numbers; the unit `""` holds every number."""

    aspects: tuple[str, ...]
    cities: tuple[str, ...]
    dates: frozenset[datetime.date]
    counts: dict[str, frozenset[int]]
    origin: str | None = None  # the city after "from"
    destination: str | None = None  # the city after "to"


def read_query(text: str) -> Query:
    """Everything that a search can be about."""
    lowered = plain(text)
    dates, rest = read_dates(lowered)
    words = stems(rest)
    found = _CITY_PHRASES.find(words)
    cities = tuple(dict.fromkeys(meanings[0] for _, _, meanings in found))
    before = {words[position - 1]: meanings[0] for position, _, meanings in found if position}
    return Query(
        aspects=tuple(aspects_in(words)),
        cities=cities,
        dates=dates,
        counts=_counts(words),
        origin=before.get("from"),
        destination=before.get("to"),
    )


def matched_aspect(text: str, task: Task) -> str | None:
    """The aspect of the task that a query names, alone and with all its arguments right; else None."""
    query = read_query(text)
    for part in task.aspects:
        if query.aspects == (part.aspect,) and _matches(query, part):
            return part.aspect
    return None


def _matches(query: Query, part: AspectTask) -> bool:
    arguments = dict(part.arguments)
    places = [arguments[name] for name in _PLACE_ARGUMENTS if name in arguments]
    if set(query.cities) != set(places):
        return False
    if "origin" in arguments and (
        query.origin not in (None, arguments["origin"]) or query.destination not in (None, arguments["destination"])
    ):
        return False
    start = next(datetime.date.fromisoformat(arguments[name]) for name in _DATE_ARGUMENTS if name in arguments)
    length = next((int(arguments[name]) for name in _LENGTH_ARGUMENTS if name in arguments), None)
    end = None if length is None else start + datetime.timedelta(days=length)
    if start not in query.dates or not query.dates <= {start, end}:
        return False
    for name, unit in _UNIT_OF_ARGUMENT.items():
        if name in arguments:
            told_by_dates = name in _LENGTH_ARGUMENTS and end in query.dates
            numbers = query.counts.get(unit) or query.counts[""]
            if not told_by_dates and int(arguments[name]) not in numbers:
                return False
    return True


def _counts(words: list[str]) -> dict[str, frozenset[int]]:
    """Numbers by the unit next to them: `5 nights`, `nights: 5`, `for two people`."""
    numbers: dict[str, set[int]] = {"": set()}
    for k, word in enumerate(words):
        number = int(word) if word.isdecimal() and len(word) < 4 else _NUMBER_WORDS.get(word)
        if number is None:
            continue
        numbers[""].add(number)
        for neighbour in words[max(0, k - 1) : k] + words[k + 1 : k + 2]:
            if neighbour in _UNITS:
                numbers.setdefault(_UNITS[neighbour], set()).add(number)
    return {unit: frozenset(values) for unit, values in numbers.items()}


def read_dates(text: str) -> tuple[frozenset[datetime.date], str]:
    """The dates of a lower-case text, and the text without them. A date without a year is one of the bank's year.

    >>> sorted(str(date) for date in read_dates("12 to 17 june, or 2026-07-01")[0])
    ['2026-06-12', '2026-06-17', '2026-07-01']
    """
    dates: set[datetime.date] = set()

    def replace(match: re.Match[str]) -> str:
        made = [_date(*numbers) for numbers in _numbers(match)]
        dates.update(date for date in made if date is not None)
        return " , "

    for pattern in (_ISO, _DOTTED, _DAY_MONTH, _MONTH_DAY):
        text = pattern.sub(replace, text)
    return frozenset(dates), text


def _numbers(match: re.Match[str]) -> Iterator[tuple[int, int, int]]:
    """(year, month, day) of a match, twice for a range of days."""
    groups = match.groups()
    if match.re is _ISO:
        yield int(groups[0]), int(groups[1]), int(groups[2])
        return
    if match.re is _DOTTED:
        yield int(groups[2]), int(groups[1]), int(groups[0])
        return
    first, last, month = groups[:3] if match.re is _DAY_MONTH else (groups[1], groups[2], groups[0])
    year = int(groups[3] or YEAR)
    number = next(k for k, name in enumerate(MONTHS, start=1) if name[:3] == month[:3])
    yield year, number, int(first)
    if last is not None:
        yield year, number, int(last)


def _date(year: int, month: int, day: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None
