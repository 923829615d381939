"""What replies were worth: the information gain of recorded episodes, scored again, as numbers for a person.

Episodes are streamed: a batch of them is scored, then forgotten. What stays is eight bytes a reply.
"""

import math
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import fmean
from typing import Any

import numpy as np

from infopo.core import Message, RecordError, Trajectory, Turn, UserError, read_records, trajectory_from_record
from infopo.evaluation.gain_statistics import Columns, Distribution, Highest, Running
from infopo.gain import Backend, GainSpec, TurnGain

PLACEHOLDERS = (
    "No information found.",
    "I don't know.",
    "I have no preference.",
    "Sorry, I did not understand that.",
    "Okay, please go on.",
)
WITH_PLACEHOLDERS = ("message", "fill")  # counterfactuals that say a placeholder
BATCH = 64  # episodes that are scored, and held, at one time; `swap` takes its replies from these
NOISE_EPISODES = 16  # the first ones, each read once more for every turn
TOP, BOTTOM = 10, 5
FACTS = ("revealed", "not revealed", "repeated")
LAST_TURN = 20  # turns after this one share a row
KEPT_TEXT = 2000  # characters of a text that are kept

Key = tuple[str, str]  # task and text of a reply: episodes of a group repeat each other

_DEFAULT = GainSpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One record: its line in the file, its training step (0 in an evaluation), and the episode."""

    line: int
    step: int
    trajectory: Trajectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply with its gain (nats). `turn` counts from 1; texts are as recorded, cut at `KEPT_TEXT`: clean them."""

    gain: float
    step: int
    task_id: str
    episode: int
    turn: int
    feedback_kind: str
    action: str  # what was asked or done
    reply: str
    next_action: str  # what was scored


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """The gains under one placeholder, beside the gain of the report reply by reply.

    `correlation` with it (None: one of them does not vary), `mean_abs_difference` from it (nats), and how many of
    its top replies are top replies here too (`top_kept`).
    """

    text: str
    mean: float
    std: float | None
    correlation: float | None
    mean_abs_difference: float
    top_kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceholderSpread:
    """How much the choice of the placeholder matters.

    `within_reply_std`: standard deviation of one reply's gains among the placeholders, averaged over replies (None for
    one placeholder). `lowest_correlation`: of all pairs of placeholders. `top`: what `top_kept` counts at most.
    """

    placeholders: tuple[Placeholder, ...]
    within_reply_std: float | None
    lowest_correlation: float | None
    top: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Gains of `n` real histories against themselves, read twice: rounding alone. `floor`: 95 % lie below it.

    `below` is the share of the report's gains that are no larger than `floor`. All absolute, in nats.
    """

    dtype: str
    n: int
    mean: float
    floor: float
    largest: float
    below: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GainReport:
    """Gains (nats) of all replies that could be scored. What was not measured is None, or absent from a mapping.

    `episodes` were read; of these `failed` broke and enter nothing else. `turns` of the others; `partial` gains, whose
    scored action was cut at a token limit. Shares of gains by size: `beyond_three_sigma` larger than three standard
    deviations, `clipped` larger than `clip`. `by_turn` has turns from 1 ("21+": all later ones), `by_facts` the keys
    `revealed`, `not revealed` (a hidden fact) and `repeated` (a question that was already answered). Of replies that
    say the same in one task, `top` and `bottom` have the extreme one.
    """

    episodes: int
    failed: int
    turns: int
    partial: int
    overall: Distribution | None
    quantiles: dict[str, float]
    beyond_three_sigma: float | None
    clip: float | None
    clipped: float | None
    by_turn: dict[str, Distribution]
    by_feedback: dict[str, Distribution]
    by_facts: dict[str, Distribution]
    placeholders: PlaceholderSpread | None
    noise: Noise | None
    top: tuple[Reply, ...]
    bottom: tuple[Reply, ...]


OnProgress = Callable[[int, int], None]  # lines of the file, episodes that were read


def read_episodes(
    path: str | os.PathLike[str], *, first: int = 0, last: int | None = None, limit: int | None = None
) -> Iterator[Episode]:
    """Episodes of a `trajectories.jsonl`, in order: those of steps `first` to `last`, at most `limit` of them.

    A torn last line (a crash, or a run still writing) is left out. Raises `RecordError`, with file and line, for a
    damaged record; `UserError` where no episode is left.
    """
    found, low, high = 0, math.inf, -math.inf
    for line, data in enumerate(read_records(path), start=1):
        step = _step(data, path, line)
        low, high = min(low, step), max(high, step)
        if step < first or (last is not None and step > last):
            continue
        try:
            trajectory = trajectory_from_record(data)
        except RecordError as error:
            raise RecordError(f"{path}, line {line}: {error}") from error
        found += 1
        yield Episode(line=line, step=step, trajectory=trajectory)
        if found == limit:
            return
    if not found:
        if low > high:
            raise UserError(f"{path} is empty: the run recorded no episode")
        asked = f"from step {first} on" if last is None else f"of steps {first} to {last}"
        raise UserError(f"{path} has no episode {asked}; it holds steps {low:.0f} to {high:.0f}")


def gain_report(
    model: Any,
    episodes: Iterable[Episode],
    *,
    spec: GainSpec = _DEFAULT,
    placeholders: Sequence[str] = PLACEHOLDERS,
    backend: Backend = "auto",
    clip: float | None = None,
    on_progress: OnProgress | None = None,
) -> GainReport:
    """Score the episodes with a `LanguageModel` and summarise. `placeholders`: for the spread alone; none, no spread.

    Under a counterfactual without placeholders there is no spread either. `clip` is a size of gain to count beyond.
    The noise floor is measured on a few episodes. Raises what `information_gain` raises (`UserError` for
    another tokenizer than the one that played), and `UserError` for episodes that do not fit the model.
    """
    if spec.counterfactual not in WITH_PLACEHOLDERS:
        placeholders = ()
    tally = _Tally(tuple(dict.fromkeys(placeholders)), clip)
    rest = iter(episodes)
    while batch := list(islice(rest, BATCH)):
        played = [episode for episode in batch if episode.trajectory.failure is None]
        trajectories = [episode.trajectory for episode in played]
        _check_fits(model, trajectories, spec)
        tally.count(batch)
        found = _gains(model, trajectories, spec, tally.placeholders, backend)
        tally.add((played[row], turn, gain, each) for row, turn, gain, each in found)
        if not tally.noise:
            tally.noise = [abs(value) for value in factual_noise(model, trajectories[:NOISE_EPISODES], spec=spec)]
        if on_progress is not None:
            on_progress(batch[-1].line, tally.episodes)
    return tally.report(str(next(model.model.parameters()).dtype).removeprefix("torch."))


def factual_noise(model: Any, trajectories: Sequence[Trajectory], *, spec: GainSpec = _DEFAULT) -> list[float]:
    """What the gain of every answered turn would be if nothing had been replaced: rounding alone, in nats.

    The second reading is the same history, every token one position later: the same to a model with rotary positions,
    but rounded anew. (Read at the same positions, a coarse type repeats its own errors and looks exact.) Models with
    other positions, or that do not branch, read it where it was, in other batches.
    """
    from infopo.gain.estimate import branches_of, exact_kl, sampled
    from infopo.gain.separate import separate
    from infopo.gain.turns import scored_turns
    from infopo.tokens.language_model import scoring
    from infopo.tokens.visibility import branching_problem

    later = int(bool(getattr(model.config, "rope_parameters", None)) and branching_problem(model.model) is None)
    turns = []
    for turn in scored_turns(model.renderer, trajectories, replace(spec, counterfactual="drop")):
        ids = trajectories[turn.row].token_ids[: turn.real.start] + turn.real.ids
        again = replace(
            turn.real,
            real=False,
            start=0,
            ids=ids,
            positions=tuple(range(later, later + len(ids))),
            scored=tuple(turn.real.start + index for index in turn.real.scored),
        )
        turns.append(replace(turn, edited=(again,), weights=(1.0,)))
    branches, owners = branches_of(turns)
    with scoring(model):
        states = separate(model, trajectories, branches)
        if spec.estimator == "exact-kl":
            gains = exact_kl(model, turns, owners, states, spec=spec)
        else:
            gains = sampled(model, turns, branches, owners, states, known={}, spec=spec)
    return [gain.value for gain in gains]


def _gains(
    model: Any, trajectories: Sequence[Trajectory], spec: GainSpec, placeholders: Sequence[str], backend: Backend
) -> Iterator[tuple[int, int, TurnGain, list[float]]]:
    """Of every scored turn: row, turn, its gain under the spec, its gain under each placeholder."""
    from infopo.gain import information_gain

    if not placeholders:
        gains = information_gain(model, trajectories, spec=spec, backend=backend)
        yield from ((row, turn, gain, []) for row, turn, gain in _present(gains))
        return
    # the gain under several placeholders is the mean of those under each: none has to be scored twice
    under = {
        text: information_gain(model, trajectories, spec=replace(spec, placeholders=(text,)), backend=backend)
        for text in dict.fromkeys((*spec.placeholders, *placeholders))
    }
    for row, turn, gain in _present(under[spec.placeholders[0]]):
        values = {text: found.value for text, gains in under.items() if (found := gains[row][turn]) is not None}
        value = fmean(values[text] for text in spec.placeholders)
        yield row, turn, replace(gain, value=value), [values[text] for text in placeholders]


def _present(gains: Sequence[Sequence[TurnGain | None]]) -> Iterator[tuple[int, int, TurnGain]]:
    for row, turns in enumerate(gains):
        for turn, gain in enumerate(turns):
            if gain is not None:
                yield row, turn, gain


class _Tally:
    """Everything that is kept of the replies seen so far."""

    def __init__(self, placeholders: tuple[str, ...], clip: float | None) -> None:
        self.placeholders = placeholders
        self.clip = clip
        self.episodes = self.failed = self.turns = self.partial = 0
        self.noise: list[float] = []
        self.gains = array("d")
        self.overall = Running()
        self.by_turn: dict[int, Running] = {}
        self.by_feedback: dict[str, Running] = {}
        self.by_facts: dict[str, Running] = {}
        self.columns = Columns(1 + len(placeholders))
        self.bottom = Highest[Key, Reply](BOTTOM)
        self.tops = [Highest[Key, Reply](TOP) for _ in range(1 + len(placeholders))]  # the report's own, each one's

    def count(self, batch: Sequence[Episode]) -> None:
        played = [episode.trajectory for episode in batch if episode.trajectory.failure is None]
        self.episodes += len(batch)
        self.failed += len(batch) - len(played)
        self.turns += sum(len(trajectory.turns) for trajectory in played)

    def add(self, scored: Iterable[tuple[Episode, int, TurnGain, list[float]]]) -> None:
        rows = []
        for episode, turn, gain, each in scored:
            self.partial += gain.partial
            self._place(episode.trajectory.turns[turn], turn, gain.value)
            reply = _reply(episode, turn, gain.value)
            key = (reply.task_id, reply.reply)
            self.bottom.add(-gain.value, key, reply)
            rows.append([gain.value, *each])
            for top, value in zip(self.tops, rows[-1], strict=True):
                top.add(value, key, reply)
            self.gains.append(gain.value)
        self.columns.add(np.array(rows).reshape(len(rows), 1 + len(self.placeholders)))

    def _place(self, turn: Turn, index: int, value: float) -> None:
        self.overall.add(value)
        self.by_turn.setdefault(min(index, LAST_TURN), Running()).add(value)
        self.by_feedback.setdefault(turn.feedback_kind, Running()).add(value)
        if turn.facts is not None:
            names = ["revealed" if turn.facts.revealed else "not revealed"]
            for name in names + ["repeated"] * turn.facts.repeated:
                self.by_facts.setdefault(name, Running()).add(value)

    def report(self, dtype: str) -> GainReport:
        gains, whole = np.array(self.gains), self.overall.result()
        turns = {str(turn + 1): self.by_turn[turn] for turn in sorted(self.by_turn) if turn < LAST_TURN}
        turns |= {f"{LAST_TURN + 1}+": running for turn, running in self.by_turn.items() if turn == LAST_TURN}
        facts = {name: self.by_facts.get(name, Running()) for name in FACTS}
        beyond = None if whole is None or whole.std is None else 3 * whole.std
        return GainReport(
            episodes=self.episodes,
            failed=self.failed,
            turns=self.turns,
            partial=self.partial,
            overall=whole,
            quantiles={f"{q} %": float(np.quantile(gains, q / 100)) for q in (5, 50, 95)} if len(gains) else {},
            beyond_three_sigma=larger(gains, beyond),
            clip=self.clip,
            clipped=larger(gains, self.clip),
            by_turn=_results(turns),
            by_feedback=_results(dict(sorted(self.by_feedback.items()))),
            by_facts=_results(facts),
            placeholders=self._spread(),
            noise=noise_floor(self.noise, gains, dtype),
            top=tuple(self.tops[0].items().values()),
            bottom=tuple(self.bottom.items().values()),
        )

    def _spread(self) -> PlaceholderSpread | None:
        if not self.placeholders or not self.columns.n:
            return None
        columns, indices = self.columns, range(1, 1 + len(self.placeholders))
        first = self.tops[0].items().keys()
        pairs = [columns.correlation(one, other) for one in indices for other in indices if one < other]
        known = [value for value in pairs if value is not None]
        return PlaceholderSpread(
            placeholders=tuple(
                Placeholder(
                    text=text,
                    mean=columns.mean(index),
                    std=columns.std(index),
                    correlation=columns.correlation(0, index),
                    mean_abs_difference=columns.difference(0, index),
                    top_kept=len(first & self.tops[index].items().keys()),
                )
                for index, text in zip(indices, self.placeholders, strict=True)
            ),
            within_reply_std=columns.inside() if len(self.placeholders) > 1 else None,
            lowest_correlation=min(known, default=None),
            top=len(first),
        )


def larger(gains: Any, size: float | None) -> float | None:
    """Share of gains `[n]` whose absolute value exceeds `size`; None where either is missing.

    >>> larger(np.array([-2.0, 1.0, 3.0, 0.0]), 1.0)
    0.5
    """
    return None if size is None or not len(gains) else float((np.abs(gains) > size).mean())


def noise_floor(noise: Sequence[float], gains: Any, dtype: str) -> Noise | None:
    """`noise` are absolute gains of histories against themselves; None where there are none."""
    if not noise:
        return None
    floor = float(np.quantile(noise, 0.95))
    below = float((np.abs(gains) <= floor).mean())
    return Noise(dtype=dtype, n=len(noise), mean=fmean(noise), floor=floor, largest=max(noise), below=below)


def _results(parts: Mapping[str, Running]) -> dict[str, Distribution]:
    return {name: found for name, running in parts.items() if (found := running.result()) is not None}


def _reply(episode: Episode, turn: int, value: float) -> Reply:
    from infopo.gain.counterfactual import answer_of

    trajectory = episode.trajectory
    recorded, after = trajectory.turns[turn], trajectory.turns[turn + 1]
    return Reply(
        gain=value,
        step=episode.step,
        task_id=trajectory.task_id,
        episode=trajectory.episode,
        turn=turn + 1,
        feedback_kind=recorded.feedback_kind,
        action=_text(trajectory.messages[recorded.action_message : recorded.action_message + 1]),
        reply=_text(answer_of(trajectory, recorded)),
        next_action=_text(trajectory.messages[after.action_message : after.action_message + 1]),
    )


def _text(messages: Sequence[Message]) -> str:
    parts = [message.content for message in messages]
    parts += [f"{call.name}({call.arguments})" for message in messages for call in message.tool_calls]
    text = "\n".join(part for part in parts if part)
    return text if len(text) <= KEPT_TEXT else text[: KEPT_TEXT - 1] + "…"


def _step(data: dict[str, Any], path: str | os.PathLike[str], line: int) -> int:
    step = data.get("step")
    if not isinstance(step, int):
        raise RecordError(f"{path}, line {line}: not a trajectory record: field 'step' is missing or no whole number")
    return step


def _check_fits(model: Any, trajectories: Sequence[Trajectory], spec: GainSpec) -> None:
    """Refuse ids that the model does not have, and, where `information_gain` renders nothing, those it reads as other
    text: `fill` and `drop` would score them silently."""
    rows = model.model.get_input_embeddings().weight.shape[0]
    for trajectory in trajectories:
        where = f"task {trajectory.task_id}, episode {trajectory.episode}"
        if len(trajectory.token_ids) > model.max_length:
            raise UserError(
                f"{where}: {len(trajectory.token_ids)} tokens, but the model was made for {model.max_length};"
                " score with the model that played"
            )
        if spec.counterfactual not in ("fill", "drop"):
            continue
        if max(trajectory.token_ids, default=0) >= rows or not _reads_alike(model.renderer, trajectory):
            raise UserError(
                f"{where}: tokenizer {model.renderer.name!r} reads the recorded tokens as other text; score with the"
                " tokenizer that played"
            )


def _reads_alike(renderer: Any, trajectory: Trajectory) -> bool:
    for turn in trajectory.turns[:1]:
        said = trajectory.messages[turn.action_message]
        ids = trajectory.token_ids[turn.action.start : turn.action.end]
        return bool(said == renderer.action(ids, tools=bool(said.tool_calls)))
    return True
