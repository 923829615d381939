"""What the catalogues are made of, in both difficulties."""

from dataclasses import dataclass


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """Kinds of things that share attributes and options. `options`: name to values, of which a product has some."""

    name: str
    kinds: tuple[str, ...]
    attributes: tuple[str, ...]
    options: tuple[tuple[str, tuple[str, ...]], ...]
    prices: tuple[int, int]


COLORS = _listed("black, white, navy, red, green, grey, beige, purple")
SIZES = _listed("small, medium, large, x-large")

STANDARD = (
    Department(
        name="clothing",
        kinds=_listed("shirt, jacket, sweater, dress, trousers, hoodie"),
        attributes=_listed(
            "pure cotton, merino wool, slim fit, relaxed fit, machine washable, long sleeve, quick drying, "
            "water resistant, stretch fabric, high waist, button closure, wrinkle free"
        ),
        options=(("color", COLORS), ("size", SIZES)),
        prices=(15, 120),
    ),
    Department(
        name="shoes",
        kinds=_listed("sneakers, boots, sandals, slippers"),
        attributes=_listed(
            "real leather, rubber sole, arch support, memory foam, slip resistant, wide toe, steel toe, ankle strap, "
            "vegan material, light weight, winter lining, day comfort"
        ),
        options=(("color", COLORS), ("size", _listed("6, 7, 8, 9, 10, 11"))),
        prices=(20, 150),
    ),
    Department(
        name="home",
        kinds=_listed("lamp, rug, pillow, curtain, blanket, mirror"),
        attributes=_listed(
            "solid wood, easy assembly, hypoallergenic filling, stain resistant, energy saving, hand made, "
            "eco friendly, space saving, sound absorbing, fade resistant, double sided, child safe"
        ),
        options=(("color", COLORS), ("pattern", _listed("plain, striped, floral, checked, dotted"))),
        prices=(10, 200),
    ),
    Department(
        name="electronics",
        kinds=_listed("headphones, speaker, keyboard, charger, tripod, projector"),
        attributes=_listed(
            "noise cancelling, fast charging, wireless, long battery, water proof, hands free, plug play, high "
            "resolution, carrying case, voice control, travel size, ultra slim"
        ),
        options=(("color", COLORS), ("plan", _listed("no warranty, one year, two years, three years"))),
        prices=(15, 250),
    ),
    Department(
        name="groceries",
        kinds=_listed("tea, granola, chocolate, crackers"),
        attributes=_listed(
            "gluten free, sugar free, certified organic, low sodium, high protein, non gmo, dairy free, nut free, "
            "fair trade, keto friendly, rich fiber, caffeine free"
        ),
        options=(
            ("flavor", _listed("vanilla, lemon, ginger, berry, cinnamon, honey")),
            ("pack", _listed("single, pair, trio, sixpack")),
        ),
        prices=(4, 60),
    ),
)
BRANDS = _listed("Arvell, Borrin, Castrel, Dunmere, Elsway, Fennick, Garrow, Hallin, Ivarne, Jorvik, Keswin, Lorrim")

NANO = (
    Department(
        name="shop",
        kinds=_listed(
            "shirt, coat, dress, hat, scarf, boot, shoe, sock, lamp, rug, chair, table, desk, bed, bag, clock, cup, "
            "plate, bowl, spoon, radio, phone, bike, ball, kite"
        ),
        attributes=_listed("soft, warm, light, strong, thin, thick, smart, plain, bright, quiet, round, flat"),
        options=(("color", _listed("red, blue, green, black, white")), ("size", _listed("small, medium, large"))),
        prices=(1, 9),
    ),
)
