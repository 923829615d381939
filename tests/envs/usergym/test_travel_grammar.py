"""What the scripted user of `usergym/travel` understands: questions and search queries, in many wordings."""

import pytest

from infopo.envs.usergym.phrases import stems
from infopo.envs.usergym.travel.dialect import Question
from infopo.envs.usergym.travel.nano import NanoDialect
from infopo.envs.usergym.travel.queries import read_dates
from infopo.envs.usergym.travel.standard import REPLIES, StandardDialect
from infopo.envs.usergym.travel.task import AspectTask, Option, Preference, Task
from infopo.envs.usergym.travel.user import ScriptedUser

ARGUMENTS = {
    "flight": (("origin", "New York"), ("destination", "Rome"), ("date", "2026-06-12"), ("passengers", "2")),
    "hotel": (("city", "Rome"), ("check_in", "2026-06-12"), ("nights", "5")),
    "apartment": (("city", "Rome"), ("check_in", "2026-06-12"), ("nights", "5"), ("guests", "3")),
    "rental_car": (("city", "Rome"), ("pick_up", "2026-06-12"), ("days", "4")),
    "restaurant": (("city", "Rome"), ("date", "2026-06-14"), ("people", "2")),
}
WISHES = {
    "flight": {"seat": "window", "meal": "vegan", "baggage": "carry_on", "departure": "evening"},
    "hotel": {"view": "sea", "breakfast": "buffet", "wellness": "gym"},
    "rental_car": {"fuel": "electric", "insurance": "full"},
    "restaurant": {"cuisine": "italian", "diet": "nut_free", "seating": "booth"},
}


def part(aspect: str, wishes: dict[str, str]) -> AspectTask:
    preferences = tuple(Preference(aspect=aspect, topic=topic, value=value) for topic, value in wishes.items())
    best = Option(option_id="F1", values=tuple(wishes.values()), price=10)
    return AspectTask(aspect=aspect, preferences=preferences, arguments=ARGUMENTS[aspect], options=(best,))


TASK = Task(task_id="by-hand", aspects=tuple(part(aspect, wishes) for aspect, wishes in WISHES.items()))
APARTMENT = Task(task_id="by-hand-2", aspects=(part("apartment", {"kitchen": "oven", "floor": "top"}),))


def ask(text: str, task: Task = TASK, mentioned: str | None = None) -> Question:
    return StandardDialect().question(text, task, mentioned)


PARAPHRASES = [
    ("Which seat would you like for the flight?", "flight.seat"),
    ("Do you have a seat preference?", "flight.seat"),
    ("WHERE WOULD YOU LIKE TO SIT ON THE PLANE?", "flight.seat"),
    ("Would you rather have a window or an aisle?", "flight.seat"),
    ("do you prefer window seats or aisle seats", "flight.seat"),
    ("Please tell me about your preferred seating on the flight.", "flight.seat"),
    ("What kind of meal should I order for your flight?", "flight.meal"),
    ("Any dietary needs on the plane?", "flight.meal"),
    ("What would you like to eat on board of the flight?", "flight.meal"),
    ("Should I look for vegan or halal food on the flight?", "flight.meal"),
    ("How much luggage are you bringing?", "flight.baggage"),
    ("Will you check any bags?", "flight.baggage"),
    ("Are you travelling with a carry-on only?", "flight.baggage"),
    ("Could you share how many suitcases you take?", "flight.baggage"),
    ("What time of day would you like to leave?", "flight.departure"),
    ("When do you want to depart?", "flight.departure"),
    ("Do you prefer an early morning or an overnight flight?", "flight.departure"),
    ("Let me know your preferred departure time for the flight", "flight.departure"),
    ("What view would you like from your room?", "hotel.view"),
    ("Should the hotel room overlook something in particular?", "hotel.view"),
    ("Is a view of the sea important to you?", "hotel.view"),
    ("Hotel: view?", "hotel.view"),
    ("What would you like for breakfast?", "hotel.breakfast"),
    ("How should breakfast be served at the hotel?", "hotel.breakfast"),
    ("What kind of food do you expect at the hotel in the morning?", "hotel.breakfast"),
    ("Which wellness facilities should the hotel have?", "hotel.wellness"),
    ("Do you need a gym, a pool or a sauna?", "hotel.wellness"),
    ("I was wondering which spa you like", "hotel.wellness"),
    ("Which fuel type should the car use?", "rental_car.fuel"),
    ("Do you want an electric or a diesel engine?", "rental_car.fuel"),
    ("For your rental car, what kind of motor do you prefer?", "rental_car.fuel"),
    ("What insurance do you want?", "rental_car.insurance"),
    ("Which coverage is right for you for the car rental?", "rental_car.insurance"),
    ("Should the vehicle be insured against theft?", "rental_car.insurance"),
    ("What cuisine do you fancy?", "restaurant.cuisine"),
    ("Would you like Italian or Japanese?", "restaurant.cuisine"),
    ("Which dishes do you like best at a restaurant?", "restaurant.cuisine"),
    ("Does anyone have a food allergy?", "restaurant.diet"),
    ("Are there any intolerances that the restaurant must know about?", "restaurant.diet"),
    ("Which table should I reserve?", "restaurant.seating"),
    ("Where would you like to sit for dinner?", "restaurant.seating"),
    ("Thanks for that. I booked your flight. Now, which table would you like?", "restaurant.seating"),
    ("May I ask about the seat on the flight?", "flight.seat"),
]


@pytest.mark.parametrize(("text", "fact"), PARAPHRASES)
def test_a_question_in_other_words_is_understood(text: str, fact: str) -> None:
    question = ask(text)
    assert question.kind in ("topic", "several")
    assert ".".join(question.topics[0]) == fact


@pytest.mark.parametrize(("text", "fact"), PARAPHRASES)
def test_the_user_answers_a_question_in_other_words_with_a_hint_at_that_preference(text: str, fact: str) -> None:
    user = ScriptedUser(TASK, StandardDialect(), seed=1, unanswered=0.0)
    reaction = user.hear(text)
    assert reaction.revealed == (fact,)
    assert reaction.useful
    assert reaction.text not in REPLIES.values()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("What are your preferences?", "vague"),
        ("Is there anything else that I should know?", "vague"),
        ("What is important to you for the hotel?", "vague"),
        ("Do you have special requirements?", "vague"),
        ("Which flight do you want?", "vague"),
        ("I will look for flights now.", "talk"),
        ("Thank you very much!", "talk"),
        ("Your window seat is booked.", "talk"),
        ("qwxz blorp", "unclear"),
        ("", "unclear"),
        ("???", "unclear"),
        ("Which blorp?", "unclear"),
    ],
)
def test_what_is_no_concrete_question(text: str, kind: str) -> None:
    assert ask(text) == Question(kind=kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "What is your budget?",  # nobody's preference
        "Which airline do you like?",
        "Do you need a child seat in the car?",  # a topic that the user has no wish in
        "Which bed would you like?",
        "What should the kitchen of the apartment have?",  # an aspect that is not part of the trip
    ],
)
def test_a_question_about_something_else_meets_no_wish(text: str) -> None:
    user = ScriptedUser(TASK, StandardDialect(), seed=1, unanswered=0.0)
    reaction = user.hear(text)
    assert reaction.text == REPLIES["no_wish"]
    assert not reaction.revealed


def test_of_several_questions_one_is_answered_with_a_request_to_ask_one_at_a_time() -> None:
    user = ScriptedUser(TASK, StandardDialect(), seed=1, unanswered=0.0)
    reaction = user.hear("Which cuisine do you like, and which view should the hotel room have?")
    assert len(reaction.revealed) == 1
    assert reaction.revealed[0] in ("restaurant.cuisine", "hotel.view")
    assert "one thing at a time" in reaction.text


def test_an_ambiguous_word_is_about_the_aspect_that_was_talked_about() -> None:
    assert ask("What about the food?", mentioned="restaurant").topics[0][0] == "restaurant"
    assert ask("What about the food?", mentioned="hotel").topics[0] == ("hotel", "breakfast")
    # an own aspect in the question beats what was talked about
    assert ask("What about the food on the flight?", mentioned="hotel").topics[0] == ("flight", "meal")


def test_topics_of_an_apartment() -> None:
    assert ask("What do you need for cooking?", APARTMENT).topics == (("apartment", "kitchen"),)
    assert ask("Which storey would you like?", APARTMENT).topics == (("apartment", "floor"),)


def test_stems_are_blind_to_case_accents_plurals_and_punctuation() -> None:
    assert stems("The Dishes, caf\u00e9s; STORIES?") == stems("the dish cafe story")
    assert stems("bus glass tennis") == ["bus", "glass", "tennis"]


@pytest.mark.parametrize(
    "text",
    [
        "flight from New York to Rome on 12 June for 2 passengers",
        "Flights New York - Rome, June 12, 2026, two passengers",
        "fly from new york to rome 2026-06-12 2 adults",
        "flight origin: New York, destination: Rome, date: 2026-06-12, passengers: 2",
        "a plane to ROME from NEW YORK on the 12th of June 2026 for two people",
        "airline tickets New York Rome Jun 12 2",
        '{"type": "flight", "origin": "New York", "destination": "Rome", "date": "2026/06/12", "passengers": 2}',
    ],
)
def test_a_complete_flight_query_is_understood(text: str) -> None:
    assert StandardDialect().search(text, TASK) == "flight"


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("hotel in Rome from June 12 for 5 nights", "hotel"),
        ("5-night hotel stay in Rome, check-in 12.06.2026", "hotel"),
        ("hotels Rome 12 June to 17 June", "hotel"),
        ("hotel Rome June 12-17", "hotel"),
        ("hotel, city=Rome, check_in=2026-06-12, nights=5", "hotel"),
        ("car rental Rome 12 June four days", "rental_car"),
        ("rental_car Rome 2026-06-12 until 2026-06-16", "rental_car"),
        ("hire car in Rome for 4 days starting on the 12th of June", "rental_car"),
        ("restaurant in Rome on June 14 for two", "restaurant"),
        ("dinner for 2 people, Rome, 14 June 2026", "restaurant"),
    ],
)
def test_complete_queries_for_other_aspects(text: str, aspect: str) -> None:
    assert StandardDialect().search(text, TASK) == aspect


@pytest.mark.parametrize(
    "text",
    [
        "flight from Rome to New York on 12 June for 2 passengers",  # the wrong way round
        "flight from New York to Rome on 13 June for 2 passengers",
        "flight from New York to Rome on 12 June 2025 for 2 passengers",
        "flight from New York to Rome on 12 June for 3 passengers",
        "flight from New York to Rome on 12 June",  # no passengers
        "flight to Rome on 12 June for 2 passengers",  # no origin
        "flight from New York to Rome for 2 passengers",  # no date
        "flight from New York to Rome or Paris on 12 June for 2 passengers",  # a city too many
        "flight from New York to Rome on 12 June or 14 June for 2 passengers",  # a date too many
        "flight and hotel from New York to Rome on 12 June for 2 passengers and 5 nights",  # two aspects
        "from New York to Rome on 12 June for 2 passengers",  # no aspect
        "hotel in Rome from June 12 for 4 nights",
        "hotel Rome June 12-18",
        "apartment in Rome from 12 June for 5 nights, 3 guests",  # not part of the trip
        "restaurant in Rome on June 14",
        "hotel",
        "",
    ],
)
def test_incomplete_or_wrong_queries_are_refused(text: str) -> None:
    assert StandardDialect().search(text, TASK) is None


def test_a_number_counts_for_its_own_unit() -> None:
    search = StandardDialect().search
    assert search("apartment in Rome from 12 June for 5 nights and 3 guests", APARTMENT) == "apartment"
    assert search("apartment in Rome from 12 June for 3 nights and 5 guests", APARTMENT) is None


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("12 june", ["2026-06-12"]),
        ("june 12th, 2027", ["2027-06-12"]),
        ("sept 3", ["2026-09-03"]),
        ("the 1st of may", ["2026-05-01"]),
        ("12 - 14 june", ["2026-06-12", "2026-06-14"]),
        ("2026-02-30", []),  # no such day
        ("in june 2026", []),
        ("may i have 2 rooms", []),
        ("31 december and january 2", ["2026-01-02", "2026-12-31"]),
    ],
)
def test_dates(text: str, dates: list[str]) -> None:
    assert sorted(str(date) for date in read_dates(text)[0]) == dates


NANO_PART = AspectTask(
    aspect="flight",
    preferences=(
        Preference(aspect="flight", topic="seat", value="window"),
        Preference(aspect="flight", topic="meal", value="vegan"),
    ),
    arguments=(("city", "rome"), ("month", "june")),
    options=(Option(option_id="F3", values=("window", None), price=0),),
)
NANO_TASK = Task(task_id="by-hand-nano", aspects=(NANO_PART,))


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("which color ?", "no wish there"),
        ("which luggage ?", "no wish there"),
        ("anything else ?", "please ask about one thing"),
        ("which seat and which meal ?", "please ask about one thing"),
        ("hello", "okay"),
        ("blorp", "i did not understand"),
        ("seat", "i did not understand"),
        ("", "i did not understand"),
    ],
)
def test_nano_replies(text: str, reply: str) -> None:
    assert ScriptedUser(NANO_TASK, NanoDialect(), seed=0, unanswered=0.0).hear(text).text == reply


@pytest.mark.parametrize("text", ["which seat ?", "Which SEAT?", "do you want a seat", "tell me your seat"])
def test_nano_questions(text: str) -> None:
    reaction = ScriptedUser(NANO_TASK, NanoDialect(), seed=0, unanswered=0.0).hear(text)
    assert reaction.revealed == ("flight.seat",)
    assert reaction.text in ("i love watching clouds", "let me photograph the sky")


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("flight rome june", "flight"),
        ("June flight to ROME .", "flight"),
        ("flight rome", None),
        ("flight june", None),
        ("rome june", None),
        ("flight rome may june", None),
        ("flight rome paris june", None),
        ("flight hotel rome june", None),
        ("hotel rome june", None),
        ("", None),
    ],
)
def test_nano_searches(text: str, aspect: str | None) -> None:
    assert NanoDialect().search(text, NANO_TASK) == aspect
