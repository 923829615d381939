"""Golden cases of rewards that environments pay."""

from collections.abc import Mapping
from typing import Any

from infopo.envs.grid.rewards import sokoban_reward
from infopo.envs.search.rewards import ANSWER_SPLIT, exact_match, word_set_f1
from infopo.envs.webshop.rewards import purchase_reward
from infopo.testing.golden.fixture import Inputs


def webshop(inputs: Inputs) -> dict[str, Any]:
    """Purchases, one a row."""
    rewards = [
        purchase_reward(
            attributes=row["n_attr"],
            wished_attributes=row["n_attr_goal"],
            options=row["n_opt"],
            wished_options=row["n_opt_goal"],
            price_fits=row["price_ok"],
            type_factor=row["r_type"],
        )
        for row in _rows(inputs, "rows", {"n_attr", "n_attr_goal", "n_opt", "n_opt_goal", "price_ok", "r_type"})
    ]
    return {"reward": rewards}


def sokoban(inputs: Inputs) -> dict[str, Any]:
    """Moves: boxes pushed on and off a target, and whether all are on."""
    games = [
        [sokoban_reward(boxes_on=on, boxes_off=off, solved=done) for on, off, done in moves]
        for moves in inputs.get("events_on_off_done")
    ]
    return {"step_rewards": games, "totals": [sum(rewards) for rewards in games]}


def qa_em(inputs: Inputs) -> dict[str, Any]:
    """Answers beside lists of right ones."""
    return {"em": [exact_match(answer, _listed(right)) for answer, right in inputs.get("pred_gold")]}


def igpo_f1(inputs: Inputs) -> dict[str, Any]:
    """Answers beside alternatives in one text."""
    return {"f1": [word_set_f1(answer, ANSWER_SPLIT.join(_listed(right))) for answer, right in inputs.get("pred_gold")]}


def _listed(right: Any) -> list[str]:
    """Right answers, where a case may give one or several."""
    return [right] if isinstance(right, str) else list(right)


def _rows(inputs: Inputs, field: str, names: set[str]) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = inputs.get(field)
    for row in rows:
        if row.keys() != names:
            raise inputs.error(field, f"must hold rows of {', '.join(sorted(names))}, got {', '.join(sorted(row))}")
    return rows


HANDLERS: Mapping[str, Any] = {"webshop": webshop, "sokoban": sokoban, "qa_em": qa_em, "igpo_f1": igpo_f1}
