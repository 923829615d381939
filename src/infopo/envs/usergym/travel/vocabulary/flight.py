"""What a traveller may want of a flight."""

from infopo.envs.usergym.travel.words import AspectWords, open_topic

SEAT = open_topic(
    "seat",
    "amenities",
    ("seat", "seating", "sit", "seat position", "place on the plane"),
    {
        "window": (
            "window seat",
            "I want to sit by the window.",
            "I always take pictures of the clouds during the trip.",
            "I like to lean my head against the wall and look down at the coastline.",
            "Watching the runway lights get smaller is my favourite moment.",
        ),
        "aisle": (
            "aisle seat",
            "I want to sit on the aisle.",
            "I get up often and hate climbing over strangers.",
            "My doctor told me to take a short walk every half hour.",
            "I drink a lot of water, so I visit the washroom more than most people.",
        ),
        "extra_legroom": (
            "seat with extra legroom",
            "I want a seat with extra legroom.",
            "I am almost two metres tall and my knees remember every trip.",
            "Last time I could not stretch out at all and my back hurt for days.",
            "I played basketball for years, so ordinary rows feel like a box to me.",
        ),
        "front_row": (
            "seat in the front row",
            "I want to sit in the front row.",
            "I like to be among the first to get off after landing.",
            "Waiting behind thirty people with their bags overhead drives me mad.",
            "I have a tight schedule on arrival and every minute at the door counts.",
        ),
    },
)

MEAL = open_topic(
    "meal",
    "amenities",
    ("meal", "food", "lunch", "eat", "diet", "dietary", "dish", "menu", "catering"),
    {
        "vegan": (
            "vegan meal",
            "I want a vegan meal on board.",
            "I have not touched anything that comes from an animal in years.",
            "Even milk or honey on my plate is a problem for me.",
            "I live on lentils, nuts and greens, in the air as well.",
        ),
        "halal": (
            "halal meal",
            "I want a halal meal on board.",
            "My faith tells me how meat has to be prepared, and I fast in Ramadan.",
            "At home we buy from the butcher next to the mosque.",
            "I avoid pork and alcohol for religious reasons, even while travelling.",
        ),
        "kosher": (
            "kosher meal",
            "I want a kosher meal on board.",
            "Our rabbi is strict about what goes on the table.",
            "We never mix milk and meat in our family.",
            "I keep the dietary laws of the Torah wherever I am.",
        ),
        "gluten_free": (
            "gluten-free meal",
            "I want a gluten-free meal on board.",
            "I have coeliac disease, so ordinary bread makes me ill.",
            "Anything with wheat in it ends badly for me.",
            "I carry my own rice crackers because pasta is off limits for me.",
        ),
    },
)

BAGGAGE = open_topic(
    "baggage",
    "service",
    ("baggage", "luggage", "bag", "suitcase", "~carry", "allowance", "~pack"),
    {
        "carry_on": (
            "carry-on bag included",
            "I want a carry-on bag included.",
            "I keep my essentials with me and walk straight out of the airport.",
            "Everything I own for a trip fits under an overhead locker.",
            "I refuse to stand at the belt and wait for my things.",
        ),
        "checked_bag": (
            "large checked bag included",
            "I want a large checked bag included.",
            "I am bringing gifts for the whole family, they will weigh a lot.",
            "My wardrobe for this trip needs a trolley of its own.",
            "I never manage to travel light, twenty kilos is my usual.",
        ),
        "sports_equipment": (
            "sports equipment included",
            "I want sports equipment included.",
            "My surfboard comes along wherever I go.",
            "I cannot leave my golf clubs at home this time.",
            "My skis are longer than I am and they have to travel with me.",
        ),
        "pet_in_cabin": (
            "small pet in cabin included",
            "I want to take a small pet in the cabin.",
            "My little terrier gets nervous when he cannot see me.",
            "Whiskers purrs on my lap during every journey.",
            "There is a furry friend in my travel crate who must stay beside me.",
        ),
    },
)

DEPARTURE = open_topic(
    "departure",
    "time",
    ("departure", "departure time", "depart", "~leave", "~time", "time of day", "take off", "~schedule", "~hour"),
    {
        "early_morning": (
            "departs early in the morning",
            "I want to leave early in the morning.",
            "I am up with the birds and want to be there before the day begins.",
            "Sunrise at the gate with a coffee is my idea of a good start.",
            "I have a lunch appointment on arrival that I must not miss.",
        ),
        "midday": (
            "departs around midday",
            "I want to leave around midday.",
            "I sleep in, have a long breakfast and then I am ready to go.",
            "The school run comes first, and I have to be home by dinner.",
            "When the sun is at its highest I would like to be at the gate.",
        ),
        "evening": (
            "departs in the evening",
            "I want to leave in the evening.",
            "I work until five and go to the airport straight from my desk.",
            "I would like to see the sunset from up there.",
            "I need the whole working day before I can go anywhere.",
        ),
        "overnight": (
            "departs late at night",
            "I want to leave late at night.",
            "I sleep well up there and would rather not lose a day.",
            "I like to board in pyjamas and wake up somewhere new.",
            "Let the world be dark and everyone around me be snoring.",
        ),
    },
)

ROUTE = open_topic(
    "route",
    "path",
    ("route", "stop", "stopover", "layover", "connection", "connecting", "transfer", "direct", "path"),
    {
        "nonstop": (
            "nonstop",
            "I want to go nonstop.",
            "Changing planes makes me anxious, I just want to get in and get out.",
            "I once missed my second plane and never want to run like that again.",
            "My grandmother travels with me and cannot manage another terminal.",
        ),
        "short_stop": (
            "with one short stop of an hour",
            "I want one short stop on the way.",
            "I like to stretch for a moment halfway, but only for the length of a coffee.",
            "Sitting in one go is too much for me, a quick break in the middle is enough.",
            "A brief pause to call home would be nice, nothing longer than that.",
        ),
        "long_stop": (
            "with a day-long stop on the way",
            "I want a day-long stop on the way.",
            "I would love to see a second city for some hours before I go on.",
            "Two destinations for one ticket sounds like a bargain to me.",
            "An old friend lives halfway, and we want to spend an afternoon together.",
        ),
        "lounge_stop": (
            "with one stop and access to a lounge",
            "I want one stop with access to a lounge.",
            "Between two planes I want a shower and an armchair.",
            "If I have to wait, then away from the crowds with free snacks.",
            "I answer my mail halfway, in a quiet room with a buffet.",
        ),
    },
)

ENTERTAINMENT = open_topic(
    "entertainment",
    "amenities",
    ("entertainment", "~on board", "~onboard", "internet", "film", "movie", "~screen", "pass the time"),
    {
        "wifi": (
            "fast wifi",
            "I want fast wifi on board.",
            "I have to join a video call while we are in the air.",
            "My team expects me to answer messages all the time.",
            "I get restless when I cannot look things up online.",
        ),
        "films": (
            "screen with films",
            "I want a screen with films.",
            "I catch up on everything that I missed at the cinema.",
            "Give me a good thriller and the hours are gone.",
            "The last three Oscar winners are still on my list.",
        ),
        "power": (
            "power socket at every place",
            "I want a power socket.",
            "My laptop battery is old and dies after an hour.",
            "I edit photographs the whole way, and my machine is hungry.",
            "My phone has to be full when I land.",
        ),
        "quiet_zone": (
            "quiet zone",
            "I want to be in the quiet zone.",
            "Crying babies and chatty neighbours are hard on my nerves.",
            "I read long novels and do not like to be disturbed.",
            "I wear earplugs, and even so I hear every whisper.",
        ),
    },
)

FLIGHT = AspectWords(
    name="flight",
    title="flight",
    topics=(SEAT, MEAL, BAGGAGE, DEPARTURE, ROUTE, ENTERTAINMENT),
    synonyms=("flight", "plane", "airplane", "aeroplane", "fly", "flying", "airline", "air ticket", "plane ticket"),
)
