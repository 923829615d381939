"""Gymnasium, both ways: our environments for its users (`InfopoEnv`), its text environments for ours (`text_spec`)."""

from infopo.integrations.gymnasium.inward import TextEnv, text_spec
from infopo.integrations.gymnasium.outward import FreeText, InfopoEnv, register

__all__ = ["FreeText", "InfopoEnv", "TextEnv", "register", "text_spec"]
