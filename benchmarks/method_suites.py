"""The suites of benchmarks/method_table.py as data, and the measurement that needs no training."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from method_cells import Cell

from infopo import algorithms
from infopo.envs import Resampling, make_env

# What `infopo-return` is derived for; and what is left of it where no environment says what else could be answered.
INFORMATION = {"counterfactual": "resample", "reduction": "sum", "horizon": "all"}
DRAWS = 32  # `infopo-return` has the same number by default; where few replies are possible, more cost no more
AGAINST_A_PLACEHOLDER = {"reduction": "sum", "horizon": "all"}
FAMILIAR = "No information found."
PLACEHOLDERS = {
    "familiar": FAMILIAR,
    "formal": "I have no preference.",
    "odd": "xq zv 83 //",
    "short": "-",
    "not understood": "i did not understand",
}
TRAVEL = {"env": "usergym/travel", "env_options": {"tier": "22"}}
EVALUATION = 200
PAID = ("userrl", "bi-level-gae", "mt-grpo")  # made for step rewards; without any they are paid the outcome at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """`cells` of some seeds; `seeds` how many by default; `subject`: whose paired differences are shown."""

    cells: Callable[[Iterable[int]], list[Cell]]
    seeds: int
    subject: str | None = None


def slots(count: int) -> dict[str, Any]:
    """`toy/slots` whose outcome says only whether all was right."""
    return {"env": "toy/slots", "env_options": {"slots": count, "score": "all"}}


def informed(env: str) -> dict[str, Any]:
    """The gain of `infopo-return` in an environment."""
    if not isinstance(make_env(env, task=0), Resampling):  # does not say what else could have been answered
        return {"gain": AGAINST_A_PLACEHOLDER}
    return {"gain": INFORMATION, "rollout": {"alternatives": DRAWS}}


def as_meant(method: str, env: str) -> dict[str, Any]:
    """The settings of a method: its name, and for `infopo-return` its gain."""
    return {"algo": method} | (informed(env) if method == "infopo-return" else {})


def _cells(task: str, base: dict[str, Any], rows: dict[str, dict[str, Any]], seeds: Iterable[int]) -> Iterator[Cell]:
    """The warm start once (the same for all seeds but for sampling), then each row, seed by seed."""
    for seed in seeds:
        for label, changes in ({"warm start": {"steps": 0}} | rows).items():
            settings = {"seed": seed, **base, **changes}
            options = {**base.get("env_options", {}), **changes.get("env_options", {})}
            yield Cell(label=label, task=task, settings=settings | {"env_options": options}, evaluation=EVALUATION)


def _methods(seeds: Iterable[int]) -> list[Cell]:
    rows = {name: as_meant(name, TRAVEL["env"]) for name in algorithms.names()}
    return list(_cells("travel 22", {**TRAVEL, "steps": 20}, rows, seeds))


def _fusion(seeds: Iterable[int]) -> list[Cell]:
    tasks = {f"slots {count}": {**slots(count), "steps": steps} for count, steps in ((5, 40), (7, 60), (3, 40))}
    tasks |= {f"travel {tier}": {**TRAVEL, "env_options": {"tier": tier}, "steps": 40} for tier in ("22", "2222")}
    tasks["intention"] = {"env": "usergym/intention", "steps": 40}
    found = []
    for seed in seeds:
        for task, base in tasks.items():
            rows = {name: as_meant(name, base["env"]) for name in ("grpo", "infopo-return", "infopo")}
            rows["infopo, gain of infopo-return"] = {"algo": "infopo", **informed(base["env"])}
            found += _cells(task, base, rows, [seed])
    return found


def _masks(seeds: Iterable[int]) -> list[Cell]:
    """Placeholders matter to two of the counterfactuals; the other three stand once."""
    rows = {}
    for kind in ("message", "fill"):
        for name, text in PLACEHOLDERS.items():
            rows[f"{kind}, {name}"] = {"gain": {"counterfactual": kind, "placeholders": [text]}}
    for kind in ("drop", "swap", "resample"):
        more = {"rollout": {"alternatives": 4}} if kind == "resample" else {}
        rows[kind] = {"gain": {"counterfactual": kind}, **more}
    rows = {label: {"algo": "infopo", **changes} for label, changes in rows.items()}
    return list(_cells("slots 3", {**slots(3), "steps": 40}, rows, seeds))


GYMS = ("travel", "intention", "telepathy", "turtle", "persuade", "search", "function", "tau")


def _usergym(seeds: Iterable[int]) -> list[Cell]:
    """Each gym on its own; seed by seed, gym by gym. On tau, whose tools answer as well as its customer, `grpo` too."""
    rows = {"infopo": {"algo": "infopo"}}
    return [
        cell
        for seed in seeds
        for gym in GYMS
        for cell in _cells(
            gym,
            {"env": f"usergym/{gym}", "steps": 60},
            rows | ({"grpo": {"algo": "grpo"}} if gym == "tau" else {}),
            [seed],
        )
    ]


def _transfer(seeds: Iterable[int]) -> list[Cell]:
    """Trained on five gyms, tested on all eight; the warm start knows the words of all."""
    base = {"env": "usergym/all-train", "model": "nano:usergym/all-test", "steps": 60}
    rows = {name: {"algo": name} for name in ("infopo", "grpo")}
    return [
        replace(cell, evaluation=8 * EVALUATION, evaluated_on="usergym/all-test")
        for cell in _cells("five to eight", base, rows, seeds)
    ]


def _benchmarks(seeds: Iterable[int]) -> list[Cell]:
    """The environments of other projects; on questions with a known answer also the methods that are made for them."""
    both = {name: {"algo": name} for name in ("infopo", "grpo")}
    asked = both | {name: {"algo": name} for name in ("igpo", "igpo-2025", "search-r1")}
    tasks = {"colbench/code": both, "grid/sokoban": both, "webshop/small": both, "search/qa": asked}
    changes: dict[str, dict[str, Any]] = {
        "colbench/code": {"evaluation": 100},  # about all that its test split holds
        "search/qa": {"also": {domain: {"test_domain": domain} for domain in ("relations", "hops")}},
    }
    return [
        replace(cell, **changes.get(env, {}))
        for seed in seeds
        for env, rows in tasks.items()
        for cell in _cells(env, {"env": env, "steps": 60}, rows, [seed])
    ]


SUITES = {
    "benchmarks": Suite(cells=_benchmarks, seeds=3, subject="infopo"),
    "usergym": Suite(cells=_usergym, seeds=3, subject="infopo"),
    "transfer": Suite(cells=_transfer, seeds=3, subject="infopo"),
    "methods": Suite(cells=_methods, seeds=3),
    "fusion": Suite(cells=_fusion, seeds=5, subject="infopo-return"),
    "masks": Suite(cells=_masks, seeds=3),
}


def quick(cells: Iterable[Cell]) -> list[Cell]:
    """A smoke test: seed 0 of the first table, small steps."""
    chosen = [cell for cell in cells if cell.settings["seed"] == 0]
    short = {"groups": 2, "group_size": 2, "critic": {"passes": 1}}
    return [
        replace(one, settings={**one.settings, **short, "steps": min(2, one.settings["steps"])}, evaluation=4)
        for one in chosen
        if one.task == chosen[0].task
    ]


def honourable_failure(*, groups: int, slots_per_task: int = 5, size: int = 8) -> str:
    """In groups that failed altogether: what turns that revealed a needed fact get, less what the others get.

    Episodes of the warm start on training tasks, outcome all or nothing; the critic's values are 0, as a new one's are.
    "Paid for asking": the method reads step rewards, 0.2 for a fact. The interval is a bootstrap over groups (95 %).
    """
    from infopo.cli.policy import load, with_nano_difficulty
    from infopo.gain import GainSpec, answer_belief, information_gain
    from infopo.rollout import RolloutConfig, TaskSpec, play_groups
    from infopo.samplers.hf import HFSampler

    base = slots(slots_per_task)
    options = with_nano_difficulty("nano", base["env"], base["env_options"] | {"reward": "upstream"})
    policy = load("nano", base["env"], options).policy
    specs = [
        TaskSpec(env_id=base["env"], task=index, seed=index, options=options, group_id=f"1/{index}")
        for index in range(groups)
    ]
    config = RolloutConfig(alternatives=DRAWS)
    failed: list[Any] = []
    for start in range(0, groups, 16):
        batch = asyncio.run(play_groups(HFSampler(policy), specs[start : start + 16], group_size=size, config=config))
        failed += [one for one in batch.groups if not any(t.outcome.success for t in one.survivors)]
    episodes = algorithms.credit_rows(failed)
    belief = answer_belief(policy, episodes)
    gains = {
        "paper": information_gain(policy, episodes),
        "information": information_gain(policy, episodes, spec=GainSpec(**INFORMATION)),
    }
    lines = [f"toy/slots, {slots_per_task} slots: {len(failed)} of {groups} groups of {size} failed altogether", ""]
    lines += ["| method | revealing turns less all others | less other questions |", "|---|---|---|"]
    more = "infopo, gain of infopo-return"
    for label in (*algorithms.names(), more):
        name = label.partition(",")[0]
        method = algorithms.get(name)
        chosen = gains["information" if label in ("infopo-return", more) else "paper"]
        signals = {"gain": [[None if g is None else g.value for g in row] for row in chosen], "belief": belief}
        found = algorithms.credit_batch(failed, signals)
        found = dataclasses.replace(found, values=np.zeros(found.sampled.shape))
        paid = name in PAID
        if not paid:
            found = dataclasses.replace(found, turn_rewards=None, turn_reward_mask=None)
        advantages = method.credit(found).advantages
        gaps = [_bootstrap(_gaps(episodes, found.group, advantages, questions=only)) for only in (False, True)]
        row = [f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]" for mean, low, high in gaps]
        lines.append(f"| {label}{', paid for asking' if paid else ''} | {' | '.join(row)} |")
    return "\n".join(lines)


def _gaps(episodes: Any, group: Any, advantages: Any, *, questions: bool) -> list[float]:
    """For each group: the mean advantage of turns that revealed a hidden fact, less that of all other turns, or of
    other questions."""
    told: dict[int, list[float]] = {}
    other: dict[int, list[float]] = {}
    for row, episode in enumerate(episodes):
        for turn in episode.turns:
            if turn.facts is None or (questions and turn.facts.kind != "ask"):
                continue
            side = told if turn.facts.revealed else other
            value = float(advantages[row, turn.action.start : turn.action.end].mean())
            side.setdefault(int(group[row]), []).append(value)
    return [float(np.mean(told[number]) - np.mean(other[number])) for number in sorted(told.keys() & other.keys())]


def _bootstrap(values: list[float], resamples: int = 10_000) -> tuple[float, float, float]:
    generator, found = np.random.default_rng(0), np.array(values)
    means = found[generator.integers(0, len(found), size=(resamples, len(found)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(found.mean()), float(low), float(high)
