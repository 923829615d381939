"""What a traveller may want of a hotel."""

from infopo.envs.usergym.travel.words import AspectWords, open_topic

VIEW = open_topic(
    "view",
    "room",
    ("view", "outlook", "look out", "overlook", "~face", "facing", "scenery"),
    {
        "sea": (
            "view of the sea",
            "I want a view of the sea.",
            "I want to fall asleep to the sound of waves.",
            "Counting sailing boats from bed is how I relax.",
            "Salt air and a blue horizon make me happy.",
        ),
        "mountains": (
            "view of the mountains",
            "I want a view of the mountains.",
            "Snowy peaks at sunrise are worth getting up for.",
            "I grew up in the Alps and miss the summits.",
            "I like to plan tomorrow's hike from my pillow.",
        ),
        "garden": (
            "view of the garden",
            "I want a view of the garden.",
            "I like to see roses and old trees when I open the curtains.",
            "Birdsong among the hedges is better than any alarm clock.",
            "At home I spend my weekends with flower beds and I would miss them.",
        ),
        "skyline": (
            "view of the skyline",
            "I want a view of the skyline.",
            "Thousands of lit offices at night fascinate me.",
            "I photograph towers, the taller the better.",
            "I want to see the streets glitter far below me.",
        ),
    },
)

BED = open_topic(
    "bed",
    "room",
    ("bed", "mattress", "bedding", "~sleep", "sleeping arrangement", "bed type"),
    {
        "king": (
            "king-size bed",
            "I want a king-size bed.",
            "My husband and I both like to spread out like starfish.",
            "It is our honeymoon and we want plenty of space together.",
            "We are two tall people who share one blanket.",
        ),
        "twin": (
            "two separate beds",
            "I want two separate beds.",
            "I travel with a colleague and we are not that close.",
            "My sister kicks at night, so I keep my distance.",
            "We are only friends, one each would be perfect.",
        ),
        "bunk": (
            "bunk beds",
            "I want bunk beds.",
            "The boys will argue about who may climb the ladder.",
            "My children love to sleep one above the other.",
            "It should feel like summer camp for the little ones.",
        ),
        "futon": (
            "futon on the floor",
            "I want a futon on the floor.",
            "My back only recovers close to the ground, the Japanese way.",
            "Soft springs make me ache, I want something thin and firm on tatami.",
            "After a year in Kyoto I cannot get used to frames and legs again.",
        ),
    },
)

BREAKFAST = open_topic(
    "breakfast",
    "amenities",
    ("breakfast", "meal", "food", "morning meal", "~board", "brunch"),
    {
        "buffet": (
            "large breakfast buffet",
            "I want a large breakfast buffet.",
            "I go back to the counter three times and try a bit of everything.",
            "My teenagers eat mountains before ten o'clock.",
            "I like to pile up my own plate and choose as I go.",
        ),
        "in_room": (
            "breakfast served in the room",
            "I want breakfast served in the room.",
            "I do not want to see anyone before my second coffee.",
            "A tray on the blanket and my slippers on, that is a holiday.",
            "Getting dressed before I have eaten is not for me.",
        ),
        "early": (
            "breakfast from five o'clock",
            "I want breakfast from five o'clock.",
            "I have to leave before dawn and cannot start hungry.",
            "My first meeting is with the fish market, long before sunrise.",
            "I run at the crack of dawn and need fuel first.",
        ),
        "vegetarian": (
            "vegetarian breakfast",
            "I want a vegetarian breakfast.",
            "The smell of bacon turns my stomach.",
            "I have been without meat since I was a child.",
            "Ham and sausages have no business on my plate.",
        ),
    },
)

WELLNESS = open_topic(
    "wellness",
    "amenities",
    ("wellness", "spa", "leisure", "facility", "~sport", "fitness", "relax", "exercise", "workout"),
    {
        "sauna": (
            "sauna",
            "I want a sauna.",
            "I sit in hot steam until I cannot think any more.",
            "My Finnish mother taught me to sweat and then jump in the snow.",
            "Heat, birch twigs and cold water keep me healthy.",
        ),
        "gym": (
            "fully equipped gym",
            "I want a fully equipped gym.",
            "I never skip leg day, not even on holiday.",
            "I lift weights before work, otherwise I get grumpy.",
            "A treadmill and some dumbbells keep my mood up.",
        ),
        "pool": (
            "indoor pool",
            "I want an indoor pool.",
            "I swim forty lengths before the day starts.",
            "My daughter just got her first goggles and wants to try them.",
            "I pack my bathing suit even in winter.",
        ),
        "massage": (
            "massage studio",
            "I want a massage studio.",
            "My shoulders are knots after months at the desk.",
            "Somebody with strong hands should take care of my neck.",
            "I like warm oil, soft music and an hour on my stomach.",
        ),
    },
)

TRANSPORT = open_topic(
    "transport",
    "service",
    ("transport", "transportation", "parking", "park", "get around", "getting around", "shuttle", "arrive by"),
    {
        "airport_shuttle": (
            "airport shuttle",
            "I want an airport shuttle.",
            "I land with heavy bags and do not want to look for a taxi.",
            "Someone with a sign at arrivals would calm me down.",
            "After touchdown I would like to be picked up without thinking.",
        ),
        "bicycles": (
            "bicycles for guests",
            "I want bicycles for guests.",
            "I explore a town on two wheels, pedalling through the lanes.",
            "I bring my helmet along on every holiday.",
            "Cycling to the old town keeps me fit.",
        ),
        "garage": (
            "locked garage",
            "I want a locked garage.",
            "I come in my own vintage Jaguar and worry about scratches.",
            "My van is full of instruments and must be safe at night.",
            "I drive there myself and never leave my wheels on the street.",
        ),
        "charging": (
            "charging station for electric cars",
            "I want a charging station for electric cars.",
            "I arrive with an almost empty battery and need to plug in overnight.",
            "My Tesla has to be full again before I go on.",
            "I bring a cable and need a place to connect it.",
        ),
    },
)

LOCATION = open_topic(
    "location",
    "service",
    ("location", "area", "neighbourhood", "neighborhood", "district", "situated", "located", "part of town", "~near"),
    {
        "station": (
            "next to the main station",
            "I want to be next to the main station.",
            "I take a train to another town every day.",
            "I hate dragging my case further than one platform.",
            "The rails are my second home, day trips start before eight.",
        ),
        "old_town": (
            "in the old town",
            "I want to be in the old town.",
            "I love cobbled lanes and houses with crooked walls.",
            "Medieval squares are the reason why I travel.",
            "I want to step out of the door into history.",
        ),
        "beach": (
            "at the beach",
            "I want to be at the beach.",
            "I want sand between my toes two minutes after waking up.",
            "The children brought buckets and spades.",
            "I walk barefoot to my towel under the parasol.",
        ),
        "convention_centre": (
            "beside the convention centre",
            "I want to be beside the convention centre.",
            "I give a talk at a trade fair and have to carry posters.",
            "I will spend all my days in lecture halls with a badge around my neck.",
            "My booth has to be set up at seven every day.",
        ),
    },
)

HOTEL = AspectWords(
    name="hotel",
    title="hotel",
    topics=(VIEW, BED, BREAKFAST, WELLNESS, TRANSPORT, LOCATION),
    synonyms=("hotel", "hotel room", "inn", "resort", "guesthouse", "guest house"),
)
