"""What stories are made of: who did it, where the thing went, why, and how; and what the surface tells."""

from infopo.envs.usergym.facets import Facets, facet

WHO = facet(
    "who", "baker", "sailor|seaman", "nurse", "teacher|schoolteacher", "miller", "watchman|guard|night watchman"
)
WHERE = facet(
    "where", "harbor|harbour|port", "church|chapel", "school|classroom", "forest|wood", "market", "island|isle"
)
WHY = facet(
    "why",
    "love|in love",
    "debt|owed money|owe money",
    "fear|afraid|scared",
    "envy|jealousy|jealous",
    "hunger|hungry",
    "grief|mourning|mourn",
    "guilt|guilty|bad conscience",
    "boredom|bored",
)
HOW = facet(
    "how",
    "ladder",
    "rope|cord",
    "key|spare key|copied key",
    "cart|wagon",
    "tunnel|underground passage",
    "disguise|costume|disguised",
)
FACETS = Facets((WHO, WHERE, WHY, HOW))
WEIGHTS = {"who": 0.3, "where": 0.2, "why": 0.3, "how": 0.2}

THINGS = ("bell", "clock", "statue", "painting", "crown", "book", "flag", "goose", "mirror", "lamp", "drum", "chair")
EVENTS = (
    "One morning the {thing} of the town is gone, and by noon nobody wants it back.",
    "Every spring the {thing} of the town disappears for one night. The people only smile about it.",
    "The {thing} of the town is stolen on the eve of the feast. A week later it is back, cleaner than before.",
    "A stranger asks for the {thing} of the town. The next day both are gone, and the mayor thanks everybody.",
)
CRITERIA = {
    "who": "The story reveals that it was the {value}.",
    "where": "The story reveals where the thing was taken: {value}.",
    "why": "The story explains the motive: {value}.",
    "how": "The story explains how it was done: {value}.",
}
