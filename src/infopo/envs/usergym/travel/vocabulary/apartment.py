"""What a traveller may want of an apartment."""

from infopo.envs.usergym.travel.words import AspectWords, open_topic

NEIGHBOURHOOD = open_topic(
    "neighbourhood",
    "service",
    ("neighbourhood", "neighborhood", "area", "location", "district", "surroundings", "part of town", "located"),
    {
        "harbour": (
            "near the harbour",
            "I want to be near the harbour.",
            "I like to watch the fishing boats come in.",
            "Gulls, ropes and the horn of a ferry feel like home to me.",
            "I used to be a sailor and want to see masts.",
        ),
        "nightlife": (
            "among bars and clubs",
            "I want to be among bars and clubs.",
            "I dance until four and want to stumble home on foot.",
            "My friends and I will go out every single evening.",
            "Noise in the street after midnight tells me I am in the right place.",
        ),
        "quiet_suburb": (
            "in a calm suburb",
            "I want to be in a calm suburb.",
            "The kids should be able to play outside without traffic.",
            "Lawns, dog walkers and silence after eight, that is what I need.",
            "I am writing a book, and a busy centre would distract me.",
        ),
        "market": (
            "beside the market hall",
            "I want to be beside the market hall.",
            "I buy fresh fish and vegetables from the stalls every morning.",
            "I want to smell cheese and spices as soon as I leave the house.",
            "I choose my tomatoes by hand and chat with the farmers.",
        ),
    },
)

KITCHEN = open_topic(
    "kitchen",
    "amenities",
    ("kitchen", "cook", "cooking", "appliance", "prepare food", "stove"),
    {
        "oven": (
            "kitchen with an oven",
            "I want a kitchen with an oven.",
            "I bake bread on Sundays, wherever I am.",
            "A roast chicken with crisp skin is our family tradition.",
            "My lasagne needs forty minutes of steady heat.",
        ),
        "dishwasher": (
            "kitchen with a dishwasher",
            "I want a kitchen with a dishwasher.",
            "I will not spend my holiday with my hands in the sink.",
            "We are messy eaters, and nobody wants to scrub plates.",
            "In our family everyone vanishes when the table must be cleared.",
        ),
        "espresso_machine": (
            "kitchen with an espresso machine",
            "I want a kitchen with an espresso machine.",
            "I am useless before my first cappuccino.",
            "I travel with my own beans and a favourite cup.",
            "Milk foam in the morning is sacred to me.",
        ),
        "microwave": (
            "kitchen with a microwave",
            "I want a kitchen with a microwave.",
            "I only ever warm up what is left from the day before.",
            "My dinners come frozen and are ready in three minutes.",
            "The baby's bottle must be warm in seconds.",
        ),
    },
)

OUTDOOR = open_topic(
    "outdoor",
    "room",
    ("outdoor", "outdoor space", "~outside", "outside space", "open air", "fresh air"),
    {
        "balcony": (
            "with a balcony",
            "I want a balcony.",
            "I smoke, but never indoors, a step over the street is enough.",
            "I like to lean on a railing with my coffee and watch people go by.",
            "A folding chair above the street is all I need in the evening.",
        ),
        "roof_terrace": (
            "with a roof terrace",
            "I want a roof terrace.",
            "I bring my telescope and want nothing above me.",
            "We would like to toast to the sunset over all the chimneys.",
            "I do yoga under the open sky where no neighbour can see me.",
        ),
        "yard": (
            "with a fenced yard",
            "I want a fenced yard.",
            "My toddler runs off whenever a gate is open.",
            "We need a patch of grass for football that no ball can leave.",
            "The dog digs and races about, and must not get away.",
        ),
        "patio": (
            "with a patio and a barbecue",
            "I want a patio and a barbecue.",
            "I am in charge of sausages whenever the weather is good.",
            "I marinate ribs the day before and turn them over coals.",
            "Smoke, tongs and a cold drink among friends, that is summer.",
        ),
    },
)

LEISURE = open_topic(
    "leisure",
    "amenities",
    ("leisure", "entertainment", "pastime", "hobby", "~fun", "evening activity", "spare time"),
    {
        "piano": (
            "upright piano",
            "I want a piano.",
            "I have an exam at the conservatory and must not skip my scales.",
            "Chopin before bed keeps me sane.",
            "My fingers get restless without eighty-eight keys.",
        ),
        "projector": (
            "film projector",
            "I want a film projector.",
            "We have a family ritual with popcorn and a huge picture on the wall.",
            "A tiny screen does not do justice to the classics.",
            "I write about cinema and still have five premieres to see.",
        ),
        "games_console": (
            "games console",
            "I want a games console.",
            "My son and I race karts against each other after dinner.",
            "I am in the middle of a level and my thumbs are itching.",
            "Give the teenagers a controller and they are happy.",
        ),
        "library": (
            "small library",
            "I want a small library.",
            "I read two novels a week and cannot carry that many.",
            "Shelves up to the ceiling make any place cosy to me.",
            "I like to discover old paperbacks that others have left.",
        ),
    },
)

ARRIVAL = open_topic(
    "arrival",
    "service",
    ("arrival", "check in", "checkin", "~key", "~arrive", "~entry", "~access", "handover"),
    {
        "self_service": (
            "check-in with a door code",
            "I want check-in with a door code.",
            "I never know when I get there and do not want to phone anybody.",
            "Punching in a few digits is the only small talk I need.",
            "I am shy and would rather not meet anyone at the door.",
        ),
        "host": (
            "welcome by the host in person",
            "I want a welcome by the host in person.",
            "I like to hear local tips from somebody who lives there.",
            "A handshake and a tour of the rooms make me feel safe.",
            "I bring a small present for the owner wherever I stay.",
        ),
        "luggage_storage": (
            "early luggage storage",
            "I want early luggage storage.",
            "I come in at seven and want to explore with my hands free.",
            "My bags are heavy and the rooms are never ready that soon.",
            "On the first day I go straight to a museum without my trolley.",
        ),
        "station_pickup": (
            "pick-up at the station",
            "I want a pick-up at the station.",
            "My mother walks slowly and we cannot find our way from the train.",
            "It would be a relief to see someone waiting on the platform.",
            "I get lost in every new town as soon as I leave the tracks.",
        ),
    },
)

FLOOR = open_topic(
    "floor",
    "room",
    ("floor", "storey", "~level", "stair", "lift", "elevator", "~height"),
    {
        "ground": (
            "on the ground floor",
            "I want to be on the ground floor.",
            "I use a wheelchair, so steps are out of the question.",
            "My knees give up on every stair.",
            "We have a pram and heavy shopping to roll in.",
        ),
        "top": (
            "on the top floor",
            "I want to be on the top floor.",
            "I cannot stand footsteps over my head.",
            "I want to see the whole city from up there.",
            "Sloping ceilings and pigeons at the window are romantic.",
        ),
        "mezzanine": (
            "spread over two levels",
            "I want a place spread over two levels.",
            "The children sleep upstairs while we sit and talk below.",
            "I would like an inner staircase, like in a little house.",
            "My partner snores, so one of us goes up and one stays down.",
        ),
        "basement": (
            "in the basement",
            "I want to be in the basement.",
            "I work nights and need darkness until the afternoon.",
            "I play the drums, and thick walls of earth keep the peace.",
            "Summer heat is hard on me, I like it cool as a wine cellar.",
        ),
    },
)

APARTMENT = AspectWords(
    name="apartment",
    title="apartment",
    topics=(NEIGHBOURHOOD, KITCHEN, OUTDOOR, LEISURE, ARRIVAL, FLOOR),
    synonyms=("apartment", "flat", "holiday flat", "condo", "holiday home", "appartment"),
)
