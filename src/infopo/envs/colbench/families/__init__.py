"""The own bank: families of functions that one vague request may mean, each with the facts that tell them apart."""

from infopo.envs.colbench.families.amounts import AMOUNTS
from infopo.envs.colbench.families.lists import LISTS
from infopo.envs.colbench.families.rules import RULES
from infopo.envs.colbench.families.short import SHORT
from infopo.envs.colbench.families.texts import TEXTS

STANDARD = AMOUNTS + TEXTS + LISTS + RULES
FAMILIES = {"standard": STANDARD, "nano": SHORT}

__all__ = ["FAMILIES", "STANDARD"]
