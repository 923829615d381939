"""The closed vocabulary of difficulty `nano`: every topic word and every value word occurs once in the table."""

from infopo.envs.usergym.travel.words import AspectWords, Topic, Value, Vocabulary

CITIES = (
    *("rome", "paris", "london", "berlin", "madrid", "lisbon", "vienna", "prague"),
    *("oslo", "dublin", "athens", "cairo", "tokyo", "seoul", "delhi", "sydney"),
    *("toronto", "boston", "chicago", "denver", "miami", "lima", "havana", "nairobi"),
)

_TITLES = {
    "flight": "flight",
    "hotel": "hotel",
    "apartment": "apartment",
    "rental_car": "car",
    "restaurant": "restaurant",
}

# aspect -> topic -> value -> two cues of at most five words, each with a word that no other value's cue has
_TABLE: dict[str, dict[str, dict[str, tuple[str, str]]]] = {
    "flight": {
        "seat": {
            "window": ("i love watching clouds", "let me photograph the sky"),
            "aisle": ("i stretch my legs often", "i walk around a lot"),
            "front": ("i must leave first", "i hate queues to exit"),
        },
        "meal": {
            "vegan": ("i never touch meat", "animals are my friends"),
            "halal": ("i keep muslim rules", "i pray in a mosque"),
            "kosher": ("i keep jewish rules", "i pray in a synagogue"),
        },
        "luggage": {
            "backpack": ("my shoulders carry everything", "i own very little"),
            "suitcase": ("i pack many clothes", "small wheels help me"),
            "skis": ("i will race on snow", "the slopes are calling"),
        },
        "departure": {
            "morning": ("i wake with the birds", "sunrise is my hour"),
            "noon": ("i leave around lunch", "the sun should stand tall"),
            "night": ("i snore while traveling", "i like to see stars"),
        },
    },
    "hotel": {
        "view": {
            "ocean": ("i love hearing waves", "show me the beach"),
            "mountain": ("i admire snowy peaks", "i dream of cliffs"),
            "garden": ("i adore roses", "flowers make me smile"),
        },
        "bed": {
            "single": ("i travel alone", "nobody comes with me"),
            "double": ("my wife joins me", "we are a couple"),
            "bunk": ("my kids climb ladders", "we sleep stacked"),
        },
        "breakfast": {
            "pancakes": ("syrup makes me happy", "i want something sweet"),
            "fruit": ("i crave fresh apples", "vitamins start my day"),
            "eggs": ("give me an omelette", "chickens feed me well"),
        },
        "facility": {
            "sauna": ("i enjoy hot steam", "i sweat to relax"),
            "gym": ("i lift weights daily", "my muscles need work"),
            "pool": ("i swim every day", "i bring my goggles"),
        },
    },
    "apartment": {
        "district": {
            "harbor": ("i watch ships arrive", "sailors are good neighbors"),
            "downtown": ("i want busy streets", "skyscrapers excite me"),
            "suburb": ("i need quiet lawns", "children should play outside"),
        },
        "floor": {
            "basement": ("i hide from sunlight", "caves feel cozy"),
            "rooftop": ("i want neighbors only below", "my telescope comes along"),
            "ground": ("stairs hurt my knees", "i use a wheelchair"),
        },
        "kitchen": {
            "oven": ("i bake bread", "i make lasagna"),
            "grill": ("i cook steaks", "smoke and sausages please"),
            "microwave": ("i only warm leftovers", "frozen dinners suit me"),
        },
        "pet": {
            "dog": ("my puppy barks", "i bring a leash"),
            "cat": ("my kitten purrs", "mine needs a scratching post"),
            "parrot": ("my companion has feathers", "my friend speaks and whistles"),
        },
    },
    "rental_car": {
        "fuel": {
            "electric": ("i bring a charger", "batteries are the future"),
            "diesel": ("truckers taught me driving", "i drive like farmers"),
            "petrol": ("any gas station works", "i like classic engines"),
        },
        "body": {
            "van": ("nine friends join me", "our team needs space"),
            "convertible": ("wind in my hair", "no roof please"),
            "jeep": ("we cross muddy hills", "i drive through deserts"),
        },
        "color": {
            "red": ("like a tomato", "strawberries look great"),
            "blue": ("like a sapphire", "like denim pants"),
            "green": ("like a frog", "like spinach leaves"),
        },
        "audio": {
            "radio": ("i hear the news", "hosts keep me company"),
            "bluetooth": ("my phone plays songs", "i hate cables"),
            "cassette": ("i kept old tapes", "the eighties were great"),
        },
    },
    "restaurant": {
        "cuisine": {
            "italian": ("i dream of pasta", "pizza is my passion"),
            "thai": ("i want coconut curry", "lemongrass tastes wonderful"),
            "mexican": ("tacos are the best", "i miss burritos"),
        },
        "music": {
            "jazz": ("i love saxophones", "trumpets make me dance"),
            "piano": ("chopin calms me", "play me a sonata"),
            "rock": ("loud guitars thrill me", "drums wake me up"),
        },
        "table": {
            "terrace": ("i need fresh air", "we eat under trees"),
            "booth": ("we want privacy", "soft corners are nice"),
            "counter": ("i watch the chef", "a stool is enough"),
        },
        "drink": {
            "wine": ("i collect grapes", "pour me some merlot"),
            "beer": ("hops taste great", "i brew at home"),
            "tea": ("i bring chamomile", "i boil water first thing"),
        },
    },
}


def _topic(name: str, values: dict[str, tuple[str, str]]) -> Topic:
    return Topic(
        name=name,
        values=tuple(Value(name=value, phrase=value, wish=value, cues=cues) for value, cues in values.items()),
        synonyms=(name,),
        place=name,
    )


NANO: Vocabulary = {
    aspect: AspectWords(
        name=aspect,
        title=_TITLES[aspect],
        topics=tuple(_topic(name, values) for name, values in topics.items()),
        synonyms=(_TITLES[aspect], aspect),
    )
    for aspect, topics in _TABLE.items()
}
