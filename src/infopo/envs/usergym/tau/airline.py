"""The airline domain: bookings and flights, the tools over the database, its policy, and what its customers want."""

from typing import Any

from infopo.envs.usergym.tau.ids import Ids
from infopo.envs.usergym.tau.people import FIND_USER, GET_USER, TRANSFER, USER_FIELDS, draw_people
from infopo.envs.usergym.tau.task import Draft
from infopo.envs.usergym.tau.tools import Call, Database, Parameter, Record, Tool, ToolError, row
from infopo.envs.usergym.tau.words import AIRLINE_EXCUSE, AIRLINE_REASONS, CABINS, CITIES, DAYS, MOST_BAGS

POLICY = """You serve the customers of an airline. The policy:
- Find out who the customer is, by name and zip code, before you look anything up or change anything. Help them with \
their own bookings only; they are listed as the orders of the customer.
- Before you change anything, tell the customer what you are about to do and wait for a yes.
- A booking can be cancelled, for one of the reasons illness, weather and work, if it is insured or in the cabin \
business. Any other booking cannot be cancelled, whatever the reason. The tool does not check this: you have to.
- A booking can be changed to another flight between the same two cities, unless it is in the cabin basic.
- The number of bags is the total for the booking, at most four, and never goes down. Every cabin can be changed to \
any other.
- What is against the policy you refuse, and you tell the customer that the insurance is missing.
- Never make up what the database does not say. Transfer to a human only what you cannot do with your tools."""
NANO_POLICY = "cancel only insured or business . else tell the insurance . no new day if basic"

FIELDS = {
    "users": USER_FIELDS,
    "flights": ("origin", "destination", "day"),
    "bookings": ("user_id", "status", "flight_id", "cabin", "bags", "insured", "price"),
}
KINDS = {"cancel": 2, "reschedule": 2, "luggage": 2, "seat": 2, "price": 2, "refuse": 1}
_BOOKING = Parameter(name="booking_id", about="id of the booking")


def _get_booking(database: Database, booking_id: str) -> Record:
    booking = row(database, "bookings", booking_id)
    flight = row(database, "flights", booking["flight_id"])
    return {**{name: value for name, value in booking.items() if name != "user_id"}, **flight}


def _list_flights(database: Database, origin: str, destination: str) -> list[Record]:
    found = [
        {"flight_id": key, "day": flight["day"]}
        for key, flight in database["flights"].items()
        if (flight["origin"], flight["destination"]) == (origin, destination)
    ]
    if not found:
        raise ToolError("no such flights")
    return found


def _booked(database: Database, booking_id: str) -> Record:
    booking = row(database, "bookings", booking_id)
    if booking["status"] != "booked":
        raise ToolError("the booking is cancelled")
    return booking


def _cancel_booking(database: Database, booking_id: str, reason: str) -> Record:
    _booked(database, booking_id).update(status="cancelled", reason=reason)
    return {"status": "cancelled"}


def _change_flight(database: Database, booking_id: str, flight_id: str) -> Record:
    booking, new = _booked(database, booking_id), row(database, "flights", flight_id)
    old = row(database, "flights", booking["flight_id"])
    if (new["origin"], new["destination"]) != (old["origin"], old["destination"]):
        raise ToolError("the flight is between other cities")
    if booking["cabin"] == "basic":
        raise ToolError("a basic booking cannot be changed")
    booking["flight_id"] = flight_id
    return {"flight_id": flight_id}


def _set_bags(database: Database, booking_id: str, bags: int) -> Record:
    booking = _booked(database, booking_id)
    if not booking["bags"] <= bags <= MOST_BAGS:
        raise ToolError(f"bags must be from {booking['bags']} to {MOST_BAGS}")
    booking["bags"] = bags
    return {"bags": bags}


def _change_cabin(database: Database, booking_id: str, cabin: str) -> Record:
    _booked(database, booking_id)["cabin"] = cabin
    return {"cabin": cabin}


TOOLS = (
    FIND_USER,
    GET_USER,
    Tool(name="get_booking", about="a booking with its flight", parameters=(_BOOKING,), run=_get_booking),
    Tool(
        name="list_flights",
        about="the flights between two cities",
        parameters=(
            Parameter(name="origin", about="where from", choices=CITIES),
            Parameter(name="destination", about="where to", choices=CITIES),
        ),
        run=_list_flights,
    ),
    Tool(
        name="cancel_booking",
        about="cancel a booking",
        parameters=(_BOOKING, Parameter(name="reason", about="why", choices=AIRLINE_REASONS)),
        run=_cancel_booking,
        writes=True,
    ),
    Tool(
        name="change_flight",
        about="change a booking to another flight between the same cities",
        parameters=(_BOOKING, Parameter(name="flight_id", about="id of the new flight")),
        run=_change_flight,
        writes=True,
    ),
    Tool(
        name="set_bags",
        about="set the number of bags of a booking",
        parameters=(_BOOKING, Parameter(name="bags", about="how many there are then", kind=int)),
        run=_set_bags,
        writes=True,
    ),
    Tool(
        name="change_cabin",
        about="change the cabin of a booking",
        parameters=(_BOOKING, Parameter(name="cabin", about="the new cabin", choices=CABINS)),
        run=_change_cabin,
        writes=True,
    ),
    TRANSFER,
)


def draw(kind: str, ids: Ids) -> Draft:
    """A customer who wants `kind`, of an airline with a few customers. Somebody else has the customer's name."""
    rng, database = ids.rng, {"users": draw_people(ids), "flights": {}, "bookings": {}}
    origins = iter(ids.some(CITIES, len(database["users"])))  # no two customers fly the same route
    for user_id, user in database["users"].items():
        origin = next(origins)
        for destination in ids.some([city for city in CITIES if city != origin], 1 if ids.nano else 3):
            flights = []
            for day in ids.some(DAYS, 3 if ids.nano else 5):
                flights.append(ids.good())
                database["flights"][flights[-1]] = {"origin": origin, "destination": destination, "day": day}
            user["orders"].append(ids.deal())
            database["bookings"][user["orders"][-1]] = {
                "user_id": user_id,
                "status": "booked",
                "flight_id": rng.choice(flights),
                "cabin": rng.choice(CABINS),
                "bags": rng.randint(0, 2),
                "insured": rng.choice(("yes", "no")),
                "price": ids.price(),
            }
    return _wanted(kind, ids, database)


def _wanted(kind: str, ids: Ids, database: Database) -> Draft:
    rng, (user_id, user) = ids.rng, next(iter(database["users"].items()))
    booking_id = rng.choice(user["orders"])
    booking: Record = database["bookings"][booking_id]
    flight = database["flights"][booking["flight_id"]]
    facts = {"name": user["name"], "zip": user["zip"], "request": "cancel" if kind == "refuse" else kind}
    facts["destination"] = flight["destination"]
    name, output = "", ""
    rest: dict[str, Any] = {}
    if kind in ("cancel", "refuse"):
        facts["reason"] = rng.choice(AIRLINE_REASONS)
        if kind == "refuse":
            booking.update(insured="no", cabin=rng.choice(("basic", "economy")))
            output = AIRLINE_EXCUSE
        else:
            booking.update(rng.choice(({"insured": "yes"}, {"cabin": "business"})))
            name, rest = "cancel_booking", {"reason": facts["reason"]}
    elif kind == "reschedule":
        booking["cabin"] = rng.choice(CABINS[1:])
        route = (flight["origin"], flight["destination"])
        flights = {key: one for key, one in database["flights"].items() if (one["origin"], one["destination"]) == route}
        new = rng.choice([key for key, one in flights.items() if one["day"] != flight["day"]])
        facts["day"] = flights[new]["day"]
        name, rest = "change_flight", {"flight_id": new}
    elif kind == "luggage":
        facts["bags"] = str(rng.randint(booking["bags"] + 1, MOST_BAGS))
        name, rest = "set_bags", {"bags": int(facts["bags"])}
    elif kind == "seat":
        facts["cabin"] = rng.choice([cabin for cabin in CABINS if cabin != booking["cabin"]])
        name, rest = "change_cabin", {"cabin": facts["cabin"]}
    else:
        output = str(booking["price"])
    return Draft(
        facts=facts,
        user_id=user_id,
        database=database,
        gold=(Call(name=name, arguments={"booking_id": booking_id, **rest}),) if name else (),
        outputs=(output,) if output else (),
        about=booking_id,
    )
