"""What a traveller may want of a restaurant."""

from infopo.envs.usergym.travel.words import AspectWords, open_topic

CUISINE = open_topic(
    "cuisine",
    "cuisine",
    ("cuisine", "food", "dish", "cooking", "flavour", "flavor", "eat"),
    {
        "italian": (
            "Italian cuisine",
            "I want Italian cuisine.",
            "My nonna rolled pasta every Sunday.",
            "I dream of risotto and real mozzarella.",
            "Give me basil, tomatoes and a wood-fired crust.",
        ),
        "japanese": (
            "Japanese cuisine",
            "I want Japanese cuisine.",
            "Raw fish on a bite of rice is what I crave.",
            "I have been practising with chopsticks for a bowl of ramen.",
            "Miso and seaweed remind me of my year in Osaka.",
        ),
        "mexican": (
            "Mexican cuisine",
            "I want Mexican cuisine.",
            "Tacos with lime and too much chilli, please.",
            "I could live on guacamole and corn tortillas.",
            "Mole like in Oaxaca would make my day.",
        ),
        "indian": (
            "Indian cuisine",
            "I want Indian cuisine.",
            "I love cardamom, and bread from a tandoor.",
            "A creamy dal with basmati makes me happy.",
            "My best friend from Mumbai taught me to love spice.",
        ),
    },
)

SEATING = open_topic(
    "seating",
    "tags",
    ("seating", "seat", "table", "sit", "~spot"),
    {
        "terrace": (
            "tables on the terrace",
            "I want a table on the terrace.",
            "I want to eat under the chestnut trees.",
            "Evening air and a view of passers-by go well with dinner.",
            "I get headaches in stuffy rooms.",
        ),
        "booth": (
            "private booths",
            "I want a private booth.",
            "We have something to discuss that nobody should overhear.",
            "I am going to propose and would rather not have an audience.",
            "I like a cosy corner with high backs around me.",
        ),
        "chefs_counter": (
            "places at the chef's counter",
            "I want a place at the chef's counter.",
            "I like to watch the knives and flames from close up.",
            "I ask the cooks about every step.",
            "A stool with a view of the pans is the best show in town.",
        ),
        "long_table": (
            "one long shared table",
            "I want a place at one long shared table.",
            "I love to pass bowls to people I have never met.",
            "We are fourteen and want to be side by side.",
            "I travel alone and would like to get talking to strangers.",
        ),
    },
)

ATMOSPHERE = open_topic(
    "atmosphere",
    "tags",
    ("atmosphere", "ambience", "ambiance", "music", "~mood", "vibe", "entertainment"),
    {
        "jazz": (
            "live jazz",
            "I want live jazz.",
            "A saxophone in the corner would be lovely.",
            "I own every record of Miles Davis.",
            "I like it when the double bass answers the trumpet.",
        ),
        "silent": (
            "no music at all",
            "I want no music at all.",
            "I wear hearing aids, and loudspeakers hurt my ears.",
            "We want to talk without raising our voices over a beat.",
            "I want to hear the cutlery and nothing else.",
        ),
        "candlelight": (
            "candlelight",
            "I want candlelight.",
            "It is our anniversary and my wife likes it dim.",
            "Little flames in her eyes, like on our first date.",
            "Bright lamps spoil every romantic evening.",
        ),
        "sports_screens": (
            "big screens with sports",
            "I want big screens with sports.",
            "Our team plays the final tonight and we wear the scarves.",
            "I cannot miss the second half, not even for dessert.",
            "We want to shout at the referee together.",
        ),
    },
)

DIET = open_topic(
    "diet",
    "tags",
    ("diet", "dietary", "food", "allergy", "allergic", "intolerance", "food restriction", "~avoid"),
    {
        "vegan": (
            "vegan dishes",
            "I want vegan dishes.",
            "I eat nothing that had a mother.",
            "No eggs, no cheese, no fish, I am serious about it.",
            "I live on plants alone for the sake of the animals.",
        ),
        "lactose_free": (
            "lactose-free dishes",
            "I want lactose-free dishes.",
            "Cream makes me run for the bathroom.",
            "My stomach cannot handle milk, but I do like a steak.",
            "I order my coffee with oat drink, for the sake of my belly.",
        ),
        "nut_free": (
            "nut-free kitchen",
            "I want a nut-free kitchen.",
            "A single peanut sends my son to hospital.",
            "We never travel without the emergency pen, pesto almost killed me once.",
            "Almonds and hazelnuts are banned in our house.",
        ),
        "low_salt": (
            "low-salt dishes",
            "I want low-salt dishes.",
            "My blood pressure is too high, the doctor looks at every pinch.",
            "My cardiologist hid the shaker from me.",
            "I season with herbs only, for my heart.",
        ),
    },
)

DRINKS = open_topic(
    "drinks",
    "tags",
    ("drink", "beverage", "drink list", "drink menu", "to drink"),
    {
        "wine": (
            "large wine list",
            "I want a large wine list.",
            "I visit vineyards on every holiday.",
            "A good Burgundy matters as much to me as the main course.",
            "I could talk about grapes and corks for hours.",
        ),
        "beer": (
            "craft beer on tap",
            "I want craft beer on tap.",
            "I brew in my own garage and love hops.",
            "A cold pint with foam on top ends my day.",
            "I collect labels of stouts and pale ales.",
        ),
        "cocktails": (
            "cocktail bar",
            "I want a cocktail bar.",
            "Something shaken with ice and a slice of lime, please.",
            "I order a negroni before I look at the menu.",
            "I like to see a bartender juggle with bottles.",
        ),
        "alcohol_free": (
            "alcohol-free pairings",
            "I want alcohol-free pairings.",
            "I have been sober for six years and am proud of it.",
            "I am pregnant, so juices and teas should be interesting.",
            "I am the one who has to drive everyone home.",
        ),
    },
)

FORMAT = open_topic(
    "format",
    "expectation",
    ("format", "service style", "~style", "~course", "menu", "~served", "serving style"),
    {
        "buffet": (
            "all-you-can-eat buffet",
            "I want an all-you-can-eat buffet.",
            "I am starving and want to go back as often as I like.",
            "My teenagers never get full from one plate.",
            "I like to choose with my own eyes and a big spoon.",
        ),
        "tasting_menu": (
            "tasting menu of nine courses",
            "I want a tasting menu of nine courses.",
            "Surprise me all evening with tiny works of art.",
            "I do not want to decide anything, the chef knows best.",
            "Four hours at the table are just right for me.",
        ),
        "sharing_plates": (
            "plates to share",
            "I want plates to share.",
            "We always steal from each other anyway.",
            "Everything should go in the middle so that everyone can try.",
            "I want to taste ten little things with my friends.",
        ),
        "quick_lunch": (
            "set lunch in thirty minutes",
            "I want a set lunch in thirty minutes.",
            "I have only a short break between two meetings.",
            "My parking ticket runs out soon, so be fast.",
            "I need to be back at my desk before the coffee gets cold.",
        ),
    },
)

RESTAURANT = AspectWords(
    name="restaurant",
    title="restaurant",
    topics=(CUISINE, SEATING, ATMOSPHERE, DIET, DRINKS, FORMAT),
    synonyms=("restaurant", "dining", "dinner", "dine", "bistro", "eatery", "place to eat"),
)
