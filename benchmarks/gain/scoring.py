"""Tables of the scoring pass: back-ends by turns, growth with the length of an episode, and rounding."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from infopo.core import Trajectory
from infopo.gain import Backend, GainSpec, TurnGain, information_gain
from infopo.gain.episodes import reference_logprobs
from infopo.gain.estimate import branches_of
from infopo.gain.forward import MASK_LIMIT
from infopo.gain.tree import tree_lengths
from infopo.gain.turns import scored_turns
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.slot_cache import CacheHandle

from .episodes import Mix, play
from .measure import CELLS, measure, print_table
from .released import ROWS, released_gain

BACKENDS: tuple[Backend, ...] = ("kv", "tree", "separate")
SCHEMES = (*BACKENDS, "released")


def by_turns(
    policy: LanguageModel,
    mix: Mix,
    *,
    name: str,
    episodes: int,
    turns: Sequence[int],
    repeats: int,
    schemes: Sequence[str],
) -> None:
    """Some of `SCHEMES`, `kv` among them, on the same episodes."""

    def rows() -> Iterator[list[str]]:
        for count in turns:
            played, cache = play(policy, mix, episodes=episodes, turns=count)
            works: dict[str, Callable[[], object]] = {one: _work(policy, played, one, cache) for one in BACKENDS}
            works["released"] = partial(released_gain, policy, played)
            found = measure(policy, {scheme: works[scheme] for scheme in schemes}, repeats=repeats)
            length = statistics.fmean(len(one.token_ids) for one in played)
            for scheme, one in found.items():
                faster = f"{one.median / found['kv'].median:.1f}x"
                yield [str(count), f"{length:.0f}", scheme, *one.cells(), faster]

    print_table(
        f"Back-ends by turns: {name}",
        ["turns", "tokens an episode", "scheme", *CELLS, "kv is faster by"],
        rows(),
        f"{episodes} episodes a pass. `kv` reads the cache that the rollout left. `released`: two full forwards a turn,"
        f" {ROWS} rows a batch, logits of all positions.",
    )


def by_length(policy: LanguageModel, mix: Mix, *, name: str, tokens: Sequence[int]) -> None:
    """One episode, longer and longer; `auto` without a cache goes from `tree` to `separate` where the mask is large."""

    def rows() -> Iterator[list[str]]:
        for target in tokens:
            played, cache = play(policy, mix, episodes=1, turns=mix.turns(target))
            works = {backend: _work(policy, played, backend, cache) for backend in BACKENDS}
            found = measure(policy, works, repeats=1).values()
            branches, _ = branches_of(scored_turns(policy.renderer, played, GainSpec()))
            row = tree_lengths(branches)[0]
            cells = [one for columns in zip(*(one.cells() for one in found), strict=True) for one in columns]
            size = [str(len(played[0].turns)), str(len(played[0].token_ids))]
            yield [*size, *cells, str(row), _without_cache(policy, row)]

    print_table(
        f"Growth with the length of an episode: {name}",
        [
            "turns",
            "tokens",
            *(f"{backend}: {cell}" for cell in CELLS for backend in BACKENDS),
            "tree row",
            "`auto` without a cache",
        ],
        rows(),
        f"One episode a pass, timed once. Where a mask is dense, `auto` without a cache reads trees of at most"
        f" {int(MASK_LIMIT**0.5)} tokens a row (`MASK_LIMIT`), and longer episodes by `separate`.",
    )


def _without_cache(policy: LanguageModel, row: int) -> str:
    dense = policy.device.type == "cpu"
    return "separate" if dense and row**2 > MASK_LIMIT else "tree"


def agreement(policy: LanguageModel, mix: Mix, *, name: str, episodes: int, turns: int) -> None:
    """How far schemes that should agree do not: rounding alone."""
    played, cache = play(policy, mix, episodes=episodes, turns=turns)
    gains = {backend: information_gain(policy, played, backend=backend, cache=cache) for backend in BACKENDS}
    fill = information_gain(policy, played, spec=GainSpec(counterfactual="fill"), backend="separate")
    sampled = [[value or 0.0 for value in one.logprobs] for one in played]
    alone, together = (reference_logprobs(policy, policy.model, played, tokens=size) for size in (1, 8192))
    reference = _means(gains["separate"])
    compared = {
        "the gains themselves (`separate`)": (reference, [0.0] * len(reference)),
        "`kv` against `separate`": (_means(gains["kv"]), reference),
        "`tree` against `separate`": (_means(gains["tree"]), reference),
        "released scheme against `separate`, both with `fill`": (_scored(released_gain(policy, played)), _means(fill)),
        "factual against factual: as sampled, against read again": (_actions(played, sampled), _actions(played, alone)),
        "factual against factual: alone, against in a batch": (_actions(played, alone), _actions(played, together)),
    }
    print_table(
        f"Rounding, in nats a token: {name}",
        ["what", "turns", "mean", "deviation", "largest"],
        [[what, *_spread(*pair)] for what, pair in compared.items()],
        "Differences of values of turns that are equal but for rounding. Factual against factual is the gain of a reply"
        " against itself: no gain below it means anything.",
    )


def _work(
    policy: LanguageModel, played: Sequence[Trajectory], backend: Backend, cache: CacheHandle
) -> "partial[list[list[TurnGain | None]]]":
    return partial(information_gain, policy, played, backend=backend, cache=cache)


def _means(gains: Sequence[Sequence[TurnGain | None]]) -> list[float]:
    return [gain.mean for row in gains for gain in row if gain is not None]


def _scored(gains: Sequence[Sequence[float | None]]) -> list[float]:
    return [gain for row in gains for gain in row if gain is not None]


def _actions(played: Sequence[Trajectory], logprobs: Sequence[Sequence[float]]) -> list[float]:
    """The mean log-prob of every action that follows a reply."""
    return [
        statistics.fmean(row[turn.action.start : turn.action.end])
        for one, row in zip(played, logprobs, strict=True)
        for turn in one.turns[1:]
    ]


def _spread(left: Sequence[float], right: Sequence[float]) -> list[str]:
    differences = [a - b for a, b in zip(left, right, strict=True)]
    figures = statistics.fmean(differences), statistics.pstdev(differences), max(map(abs, differences))
    return [str(len(differences)), *(f"{figure:.1e}" for figure in figures)]
