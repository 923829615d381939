"""What people believe, and why: claims, and the topics that a reason may be about."""

from infopo.envs.usergym.facets import Facets, facet

THINGS = tuple(
    "bridge market school tower garden harbor theater library station fountain museum mill park tunnel".split()
)
PLANS = {  # one word -> the claim in prose
    "go": "The old {thing} should be torn down.",
    "close": "The {thing} should be closed on Sundays.",
    "grow": "The {thing} should be made twice as large.",
    "move": "The {thing} should be moved to the edge of the town.",
}
TOPIC = facet(
    "topic",
    "cost|money|price|expensive|budget",
    "safety|safe|danger|dangerous|accident",
    "jobs|job|work|worker|employment",
    "nature|tree|animal|environment",
    "noise|noisy|loud|quiet",
    "history|tradition|heritage|past",
    "health|healthy|sick|doctor",
    "traffic|car|road|parking",
)
TOPICS = Facets((TOPIC,))
REASONS = 3
