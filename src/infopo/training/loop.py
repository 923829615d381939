"""The training loop: play groups, score gains, give credit, update. One step of it is `Trainer.step`."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

import infopo.algorithms as algorithms
from infopo.algorithms.base import Floats
from infopo.algorithms.filters import GroupFilter, kept_groups
from infopo.core import Group, InfopoError, Trajectory, UserError, trajectory_to_record
from infopo.core.checkpoint_folders import latest_checkpoint
from infopo.envs import Env, members
from infopo.gain import answer_belief, information_gain
from infopo.gain.backends import check_backends
from infopo.gain.episodes import reference_logprobs
from infopo.rollout import RolloutBatch, TaskSpec, play_groups
from infopo.rollout.failures import stop_where_all_failed
from infopo.rollout.metrics import rollout_metrics
from infopo.rollout.schedule import Schedule, group_number
from infopo.samplers.hf import HFSampler
from infopo.tokens.language_model import LanguageModel
from infopo.training.checkpoint import restore, save_checkpoint
from infopo.training.config import TrainConfig
from infopo.training.critic import Critic
from infopo.training.loss import Row, kl_estimate
from infopo.training.presets import settled
from infopo.training.run_folder import RunFolder
from infopo.training.update import Updater

MOST_SKIPS = 3  # non-finite updates in a row before the run stops

OnStep = Callable[[int, dict[str, float], dict[str, float]], None]
Signals = dict[str, list[list[float | None]]]  # by name, for each row of `credit_rows`, one value a turn


class Trainer:
    """Trains `policy` as `config` says, its preset applied, and writes everything to `folder`.

    Which tasks a step plays, and every seed in it, are pure functions of the step: a resumed run repeats an
    uninterrupted one bit by bit. `reference` is a frozen copy of the initial model, needed only with a KL coefficient
    and no adapters; `make` builds the environments. Raises `InfopoError` after three non-finite updates in a row and
    after a step whose episodes all failed, `UserError` where the method needs what the environment does not have.
    """

    def __init__(
        self,
        config: TrainConfig,
        policy: LanguageModel,
        folder: RunFolder,
        *,
        tokenizer: Any,
        learning_rate: float,
        reference: Any = None,
        on_step: OnStep | None = None,
        make: Callable[[TaskSpec, int], Env] = TaskSpec.make,
    ) -> None:
        self.config = config = settled(config)
        self.policy = policy
        self.folder = folder
        self.tokenizer = tokenizer
        self.reference = reference
        self.on_step = on_step
        self.make = make
        self.method = algorithms.get(config.algo, **config.algo_options)
        # Without `cpu` Accelerate would take each of several ranks without an accelerator for the only one.
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available())
        policy.model.eval().to(self.accelerator.device)  # no dropout: what samples is what is trained
        if reference is not None:
            reference.eval().to(self.accelerator.device)
        self.updater = Updater(self.accelerator, policy, config, learning_rate)
        self.critic = Critic(self.accelerator, policy, config) if "critic" in self.method.needs else None
        self.schedule = Schedule(
            members=members(config.env, "train", **config.env_options),
            user=config.user,
            seed=config.seed,
            groups=config.groups,
        )
        self.done_steps = self.skips_in_row = 0
        self.stop_requested = False
        self._unchecked = config.gain_backend != "separate"
        if config.loss.kl_coefficient and reference is None and not config.lora.rank:
            raise UserError("loss.kl_coefficient needs a reference: pass the initial model, or train with lora.rank")

    def request_stop(self) -> None:
        """Finish the step under way, save, and return from `run`."""
        self.stop_requested = True

    def resume(self) -> int:
        """Load the newest intact checkpoint, on every rank that of the first; returns the steps that are done."""
        found = [latest_checkpoint(self.folder.checkpoints)] if self.accelerator.is_main_process else []
        path = self._everywhere(found)[0]
        if path is not None:
            state = restore(path, self.policy.model, self.updater.optimizer, self.critic)
            self.done_steps, self.policy.version = int(state["step"]), int(state["version"])
            self.skips_in_row = int(state["skips_in_row"])
        return self.done_steps

    def run(self) -> None:
        """Train up to `config.steps` or until a stop is asked for; saves every `save_every` steps and at the end."""
        saved = self.done_steps
        while self.done_steps < self.config.steps and not self._stopping():
            self.step()
            if self.done_steps % self.config.save_every == 0:
                self.save()
                saved = self.done_steps
        if self.done_steps != saved:
            self.save()

    def _stopping(self) -> bool:
        # a signal may reach one rank a step later than another: they stop together
        return any(self._everywhere([self.stop_requested]))

    def save(self) -> None:
        """Write a full-state checkpoint of the steps done so far."""
        state = {"step": self.done_steps, "version": self.policy.version, "skips_in_row": self.skips_in_row}
        if self.accelerator.is_main_process:
            self.folder.sync()
            save_checkpoint(
                self.folder.checkpoints,
                self.done_steps,
                self.policy.model,
                self.tokenizer,
                self.updater.optimizer,
                state,
                critic=self.critic,
                keep=self.config.keep_checkpoints,
            )
        self.accelerator.wait_for_everyone()

    def step(self) -> dict[str, float]:
        """Play, score, credit, update, log. Returns the step's metrics."""
        number = self.done_steps + 1
        clock = _Clock()
        played, kept, signals, metrics = self._collect(clock)
        everyone = self._everywhere(list(played))
        metrics |= rollout_metrics(everyone, by_environment=len(self.schedule.members) > 1)
        rows, stats = self._credit(kept, signals)
        metrics |= stats
        metrics |= self._update(rows)
        metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}  # else: not measured
        clock.lap("update")
        self._log(number, self._records(number, played, kept, signals.get("gain"), rows), metrics, clock.laps)
        stop_where_all_failed(everyone, f"step {number}")
        self.done_steps = number
        if self.on_step is not None and self.accelerator.is_main_process:
            self.on_step(number, metrics, clock.laps)
        return metrics

    def _collect(self, clock: "_Clock") -> tuple[list[Group], list[Group], Signals, dict[str, float]]:
        """This rank's groups of the step: all that were played, those kept, with their signals.

        Filter `dynamic` plays further rounds of other tasks in place of the groups that it drops. The signals are read
        round by round, while the round's cache is there.
        """
        config = self.config
        played: list[Group] = []
        kept: list[Group] = []
        signals: Signals = {}
        rounds = total = count = 0
        while rounds == 0 or (
            config.filter == "dynamic" and count < config.groups and rounds <= config.max_sampling_rounds
        ):
            groups, chosen, found = self._round(rounds, config.groups - count, clock)
            played += groups
            kept += chosen
            for name, rows in found.items():
                signals.setdefault(name, []).extend(rows)
            total, count = (sum(self._everywhere([len(part)])) for part in (played, kept))
            rounds += 1
        if config.filter == "none":
            return played, kept, signals, {}
        figures = {"kept_groups": count, "dropped_groups": total - count, "rounds": rounds, "skipped_steps": count == 0}
        return played, kept, signals, {f"filter/{name}": float(value) for name, value in figures.items()}

    def _round(self, extra: int, groups: int, clock: "_Clock") -> tuple[Sequence[Group], list[Group], Signals]:
        tasks = self.schedule.tasks(self.done_steps, extra=extra)[:groups]
        with self._together():
            batch = self._play(tasks)
        clock.lap("rollout")
        kept = self._filtered([group for group in batch.groups if len(group.survivors) >= 2])
        with self._together():
            signals: Signals = {}
            if "gain" in self.method.needs:
                signals["gain"] = self._gains(kept, batch)
            if "reference_answer" in self.method.needs:
                signals["belief"] = self._beliefs(kept, batch)
        clock.lap("gain")
        return batch.groups, kept, signals

    def _play(self, tasks: Sequence[TaskSpec]) -> RolloutBatch:
        return asyncio.run(
            play_groups(
                HFSampler(self.policy),
                tasks[self.accelerator.process_index :: self.accelerator.num_processes],
                group_size=self.config.group_size,
                config=self.config.rollout,
                policy_version=self.policy.version,
                make=self.make,
            )
        )

    def _filtered(self, groups: list[Group]) -> list[Group]:
        """Those of this rank's groups that the filter keeps when it looks at all ranks' groups."""
        if self.config.filter == "none":
            return groups
        scores = {g.group_id: [t.outcome.score for t in g.survivors if t.outcome is not None] for g in groups}
        everywhere = sorted(self._everywhere(list(scores.items())), key=lambda item: group_number(item[0]))
        rule = GroupFilter(kind=self.config.filter, keep=self.config.filter_keep)
        kept = kept_groups(rule, [np.array(values) for _, values in everywhere])
        names = {everywhere[index][0] for index in kept}
        return [group for group in groups if group.group_id in names]

    def _gains(self, groups: Sequence[Group], batch: RolloutBatch) -> list[list[float | None]]:
        config, survivors = self.config, algorithms.credit_rows(groups)
        scoring: Any = {"spec": config.gain, "backend": config.gain_backend, "cache": batch.cache}
        if self._unchecked and survivors:  # a group's worth of episodes, of as many tasks as there are; else all
            few = range(0, len(survivors), math.ceil(len(survivors) / config.group_size))
            found = (check_backends(self.policy, survivors, rows=rows, **scoring) for rows in (few, None))
            self._unchecked = all(difference is None for difference in found)
        needed = algorithms.rows_with_gain(self.method, groups)
        gains = information_gain(self.policy, survivors, rows=needed, **scoring)
        return [[None if gain is None else gain.value for gain in turns] for turns in gains]

    def _beliefs(self, groups: Sequence[Group], batch: RolloutBatch) -> list[list[float | None]]:
        rows = algorithms.credit_rows(groups)
        if any(row.reference_answer is None for row in rows):
            raise UserError(
                f"{self.config.algo} needs a ground truth: it scores the belief in the reference answer, and tasks of"
                f" {self.config.env} declare none; use another method, or an environment with reference answers"
            )
        return answer_belief(self.policy, rows, backend=self.config.gain_backend, cache=batch.cache)

    def _credit(self, groups: Sequence[Group], signals: Signals) -> tuple[list[list[Row]], dict[str, float]]:
        """This rank's rows by update, whole groups together. Credit is given to all ranks' groups at once."""
        config, mine = self.config, algorithms.credit_rows(groups)
        with self._together():
            values = None if self.critic is None else self.critic.values(mine)
            references = self._references(mine)
        costly = references is not None and config.loss.kl_in == "reward"
        costs = [self._costs(*pair) for pair in zip(mine, references or [], strict=True)] if costly else None
        parts = self._everywhere([(list(groups), signals, values, costs)])
        all_groups = [group for part in parts for group in part[0]]
        per_update: list[list[Row]] = [[] for _ in range(config.updates)]
        if not all_groups:
            return per_update, {}
        batch = algorithms.credit_batch(
            all_groups,
            {name: [row for part in parts for row in part[1].get(name, [])] for name in parts[0][1]},
            values=_stacked([part[2] for part in parts]),
            token_penalty=_stacked([part[3] for part in parts]),
            epoch=self.done_steps * config.groups // self.schedule.count,
            progress=self.done_steps / max(config.steps, 1),
        )
        credit = self.method.credit(batch)
        stats = dict(credit.stats)
        if batch.token_penalty is not None:
            stats["loss/kl_to_reference"] = (
                float(batch.token_penalty[batch.sampled].mean()) / config.loss.kl_coefficient
            )
        start = sum(len(algorithms.credit_rows(part[0])) for part in parts[: self.accelerator.process_index])
        places = sorted((group.group_id for group in all_groups), key=group_number)
        update_of = {name: place * config.updates // len(places) for place, name in enumerate(places)}
        for index, trajectory in enumerate(mine):
            advantages = credit.advantages[start + index, : len(trajectory.token_ids)].tolist()
            reference = None if references is None or costly else references[index]
            row = Row(trajectory=trajectory, advantages=advantages, reference=reference)
            per_update[update_of[trajectory.group_id]].append(row)
        if self.critic is not None and credit.returns is not None:
            own = slice(start, start + len(mine))
            stats |= self.critic.fit(credit.returns[own][batch.sampled[own]].tolist())
        return per_update, stats

    def _references(self, rows: Sequence[Trajectory]) -> list[list[float]] | None:
        if not self.config.loss.kl_coefficient:
            return None
        return reference_logprobs(self.policy, self.reference, rows, tokens=self.config.micro_batch(self.policy.device))

    def _costs(self, trajectory: Trajectory, reference: list[float]) -> list[float]:
        """What a KL in the reward costs each token `[L]`."""
        old = torch.tensor([value or 0.0 for value in trajectory.logprobs])
        kl = kl_estimate(old, torch.tensor(reference), self.config.loss.kl_estimator)
        costs: list[float] = (self.config.loss.kl_coefficient * kl).tolist()
        return costs

    def _update(self, per_update: list[list[Row]]) -> dict[str, float]:
        """Make the optimiser steps; figures are means over those that measured them."""
        found: dict[str, list[float]] = {}
        skipped = 0
        broken: list[Row] = []
        for index, rows in enumerate(per_update):
            figures, finite = self.updater.step(rows, self.done_steps * self.config.updates + index)
            for name, value in figures.items():
                if math.isfinite(value):
                    found.setdefault(name, []).append(value)
            if finite:
                self.skips_in_row = 0
                self.policy.version += 1
            else:
                skipped += 1
                broken += rows
                self._skip(broken)
        metrics = {name: sum(values) / len(values) for name, values in found.items()}
        if errors := found.get("loss/ratio_error"):
            metrics |= {"loss/ratio_error_first": errors[0], "loss/ratio_error": max(errors)}
        return metrics | {"optimizer/skipped": float(skipped)}

    def _skip(self, rows: Sequence[Row]) -> None:
        self.skips_in_row += 1
        step = self.done_steps + 1
        records = self._everywhere([self._record(step, row.trajectory, None, row.advantages) for row in rows])
        if self.accelerator.is_main_process:
            self.folder.dump_batch(step, records)
        if self.skips_in_row >= MOST_SKIPS:
            raise InfopoError(
                f"step {self.done_steps + 1}: loss or gradient was not finite {MOST_SKIPS} times in a row; the batches "
                f"are in {self.folder.path}/dumps; lower the learning rate and resume from the last checkpoint"
            )

    def _log(
        self, step: int, records: list[dict[str, Any]], metrics: dict[str, float], timings: dict[str, float]
    ) -> None:
        if self.accelerator.is_main_process:
            self.folder.log_trajectories(step, records)
            self.folder.log_metrics(step, metrics)
            self.folder.log_timings(step, timings)
            self.folder.sync()

    def _records(
        self,
        step: int,
        played: Sequence[Group],
        kept: Sequence[Group],
        gains: list[list[float | None]] | None,
        rows: list[list[Row]],
    ) -> list[dict[str, Any]]:
        """Every episode of the step, on all ranks, in the order of the schedule."""
        scored = algorithms.credit_rows(kept)
        gain_of = {} if gains is None else {id(t): row for t, row in zip(scored, gains, strict=True)}
        advantages_of = {id(row.trajectory): row.advantages for part in rows for row in part}
        records = [
            self._record(step, trajectory, gain_of.get(id(trajectory)), advantages_of.get(id(trajectory)))
            for group in played
            for trajectory in group.trajectories
        ]
        return sorted(self._everywhere(records), key=lambda one: (group_number(one["group_id"]), one["episode"]))

    def _record(
        self, step: int, trajectory: Trajectory, gains: list[float | None] | None, advantages: list[float] | None
    ) -> dict[str, Any]:
        """What is not finite is written as not measured: the record of a broken step must stay readable."""
        per_turn: list[float | None] | None = None
        if advantages is not None:
            per_turn = [_mean(advantages[turn.action.start : turn.action.end]) for turn in trajectory.turns]
        logprobs = tuple(value if value is None or math.isfinite(value) else None for value in trajectory.logprobs)
        return trajectory_to_record(
            replace(trajectory, logprobs=logprobs),
            run=self.folder.name,
            step=step,
            gains=gains,
            advantages=per_turn,
        )

    def _everywhere(self, items: list[Any]) -> list[Any]:
        """The items of all ranks, in rank order."""
        if self.accelerator.num_processes == 1:
            return items
        from accelerate.utils import gather_object

        gathered: list[Any] = gather_object(items)
        return gathered

    @contextmanager
    def _together(self) -> Iterator[None]:
        """What one rank raises inside stops all of them here, instead of leaving the others to wait for it."""
        failed = True
        try:
            yield
            failed = False
        finally:
            ranks = self._everywhere([failed])
        if any(ranks):
            raise InfopoError(f"rank {ranks.index(True)} could not go on; its own message says why")


class _Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._start = self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[f"seconds/{name}"] = self.laps.get(f"seconds/{name}", 0.0) + now - self._last
        self.laps["seconds/total"] = now - self._start
        self._last = now


def _stacked(parts: Sequence[list[list[float]] | None]) -> Floats | None:
    """Rows of all ranks, `[N, L]`, filled up with 0; None where there are none."""
    rows = [row for part in parts for row in part or []]
    length = max(map(len, rows), default=0)
    return np.array([row + [0.0] * (length - len(row)) for row in rows]) if rows else None


def _mean(values: Sequence[float]) -> float | None:
    mean = sum(values) / len(values) if values else math.nan
    return mean if math.isfinite(mean) else None
