"""What a traveller may want of a rental car."""

from infopo.envs.usergym.travel.words import AspectWords, open_topic

FUEL = open_topic(
    "fuel",
    "model",
    ("fuel", "engine", "fuel type", "motor", "drive train", "powertrain", "powered"),
    {
        "electric": (
            "electric motor",
            "I want an electric motor.",
            "I want to glide silently and leave no fumes behind.",
            "I plug in at home and would like to do the same on holiday.",
            "Nothing that burns, please, I worry about the climate.",
        ),
        "diesel": (
            "diesel engine",
            "I want a diesel engine.",
            "I cover a thousand kilometres on one tank, like the truckers do.",
            "I like a low rumble and plenty of pull uphill.",
            "The black pump at the filling station is the one I know.",
        ),
        "petrol": (
            "petrol engine",
            "I want a petrol engine.",
            "I like to hear it rev and fill it up at any corner.",
            "I grew up with spark plugs and trust nothing else.",
            "I like the old-fashioned roar when the needle climbs.",
        ),
        "hybrid": (
            "hybrid drive",
            "I want a hybrid drive.",
            "Batteries in town, something else for the long way, the best of two worlds.",
            "I would like to save energy whenever I brake, but never hunt for a plug.",
            "I am half way to going green, but not yet brave enough for the rest.",
        ),
    },
)

BODY = open_topic(
    "body",
    "categories",
    ("body", "body type", "~type", "~kind of vehicle", "~model", "~category", "~size", "~shape"),
    {
        "convertible": (
            "convertible",
            "I want a convertible.",
            "I want the wind in my hair along the coast.",
            "Nothing should be between me and the sky.",
            "My scarf and sunglasses are packed for it.",
        ),
        "minivan": (
            "minivan",
            "I want a minivan.",
            "We are seven with grandparents, and everyone wants to travel together.",
            "Sliding doors make life with three toddlers bearable.",
            "I am bringing the whole choir along.",
        ),
        "offroader": (
            "off-road vehicle",
            "I want an off-road vehicle.",
            "The cabin lies at the end of a muddy track.",
            "I want to cross a river or two and climb over rocks.",
            "Where the asphalt ends my holiday begins.",
        ),
        "compact": (
            "compact city car",
            "I want a compact city car.",
            "I am terrible at squeezing into narrow gaps at the kerb.",
            "The lanes there are hardly wider than a donkey cart.",
            "The smaller it is, the calmer I am at the wheel.",
        ),
    },
)

INSURANCE = open_topic(
    "insurance",
    "insurance",
    ("insurance", "insure", "insured", "cover", "coverage", "protection", "excess", "deductible"),
    {
        "full": (
            "full cover without excess",
            "I want full cover without excess.",
            "If anything happens I never want to see a bill.",
            "Last year a tiny dent cost me a month's pay.",
            "I sleep better when someone else carries the whole risk.",
        ),
        "theft": (
            "cover against theft",
            "I want cover against theft.",
            "My last one vanished from the street over night.",
            "I will leave it in rough areas and I do not trust the locks.",
            "My brother came back from the museum and it was gone.",
        ),
        "glass_and_tyres": (
            "cover for glass and tyres",
            "I want cover for glass and tyres.",
            "Gravel roads always crack something in front of me.",
            "I had three punctures on my last trip.",
            "Little stones flying at the windscreen are my nightmare.",
        ),
        "roadside": (
            "roadside assistance",
            "I want roadside assistance.",
            "I know nothing about motors and would be helpless on a shoulder.",
            "Someone should tow me if it stalls in the middle of nowhere.",
            "I want a number to call when smoke comes out of the bonnet.",
        ),
    },
)

EQUIPMENT = open_topic(
    "equipment",
    "service",
    ("equipment", "~extra", "accessory", "~add on", "~gear", "equipped"),
    {
        "child_seat": (
            "child seat",
            "I want a child seat.",
            "Our daughter is two and has to be strapped in properly.",
            "A small person in the back throws toys at me.",
            "The baby naps best on the motorway.",
        ),
        "roof_rack": (
            "roof rack",
            "I want a roof rack.",
            "My kayak has to ride along somewhere.",
            "Surfboards do not fit inside, we tried.",
            "We strap long planks on top, for the cabin we build.",
        ),
        "snow_chains": (
            "snow chains",
            "I want snow chains.",
            "The pass to our ski hut is white until April.",
            "I once slid backwards down an icy slope, never again.",
            "We follow the plough up to the glacier.",
        ),
        "navigation": (
            "navigation system",
            "I want a navigation system.",
            "I get lost on roundabouts and cannot read maps.",
            "My phone has no data abroad and I do not know the roads.",
            "A calm voice should tell me where to turn.",
        ),
    },
)

PICKUP = open_topic(
    "pickup",
    "service",
    ("pick up", "pickup", "collect", "collection", "delivery", "hand over", "handover", "pick up point"),
    {
        "airport_desk": (
            "pick-up at the airport desk",
            "I want to pick it up at the airport desk.",
            "I come straight from the baggage belt and want to be off.",
            "I land and drive, I do not want any bus in between.",
            "From the gate to the steering wheel in ten minutes, that would be ideal.",
        ),
        "to_the_door": (
            "brought to the door",
            "I want it brought to my door.",
            "I will still be in my slippers when it has to be there.",
            "Someone should park it under my window and drop the key.",
            "I cannot walk far, so it had better come to me.",
        ),
        "night_box": (
            "key box open all night",
            "I want a key box open all night.",
            "I arrive at three, when every desk is closed.",
            "I do not want to depend on office hours.",
            "I prefer a small locker with digits to a clerk with forms.",
        ),
        "rail_station": (
            "pick-up at the railway station",
            "I want to pick it up at the railway station.",
            "I come by train and want to change right at the platform.",
            "My express gets in at noon and I continue on four wheels.",
            "I love the dining coach, but the last part I have to drive.",
        ),
    },
)

COMFORT = open_topic(
    "comfort",
    "model",
    ("comfort", "comfortable", "interior", "~feature", "~luxury", "~inside"),
    {
        "heated_seats": (
            "heated seats",
            "I want heated seats.",
            "I am always cold, mostly at the lower back.",
            "Frosty mornings make me shiver until noon.",
            "I want to feel like sitting on a warm stove.",
        ),
        "glass_roof": (
            "panoramic glass roof",
            "I want a panoramic glass roof.",
            "The kids should see the treetops from the back.",
            "I like to look at the stars when we stop, even when it rains.",
            "I feel locked in without light from above.",
        ),
        "cruise_control": (
            "adaptive cruise control",
            "I want adaptive cruise control.",
            "My foot gets tired on endless motorways.",
            "It should keep the distance by itself while I relax.",
            "I collect speeding tickets when I have to watch the needle.",
        ),
        "premium_sound": (
            "premium sound system",
            "I want a premium sound system.",
            "I sing along at the top of my voice.",
            "Without thumping bass I fall asleep on the road.",
            "Our road trip has a playlist of two hundred songs.",
        ),
    },
)

RENTAL_CAR = AspectWords(
    name="rental_car",
    title="rental car",
    topics=(FUEL, BODY, INSURANCE, EQUIPMENT, PICKUP, COMFORT),
    synonyms=("rental car", "car rental", "rental_car", "hire car", "car hire", "rented car", "car", "vehicle"),
)
