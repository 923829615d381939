"""The training loop: play groups, score gains, give credit, update. One step of it is `Trainer.step`."""

import asyncio
import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from accelerate import Accelerator

import infopo.algorithms as algorithms
from infopo.algorithms.base import CreditBatch
from infopo.core import Group, InfopoError, Trajectory, UserError, derive_random, derive_seed, trajectory_to_record
from infopo.envs import Env, num_tasks
from infopo.gain import TurnGain, information_gain
from infopo.gain.backends import check_backends
from infopo.rollout import RolloutBatch, TaskSpec, play_groups
from infopo.samplers.hf import HFSampler
from infopo.tokens.language_model import LanguageModel
from infopo.training.checkpoint import latest_checkpoint, restore, save_checkpoint
from infopo.training.config import TrainConfig
from infopo.training.metrics import rollout_metrics
from infopo.training.run_folder import RunFolder
from infopo.training.update import Row, Updater, reference_logprobs

MOST_SKIPS = 3  # non-finite updates in a row before the run stops

OnStep = Callable[[int, dict[str, float], dict[str, float]], None]
Gains = list[list[TurnGain | None]]


class Trainer:
    """Trains `policy` as `config` says and writes everything to `folder`.

    Which tasks a step plays, and every seed in it, are pure functions of the step: a resumed run repeats an
    uninterrupted one bit by bit. `reference` is a frozen copy of the initial model, needed only with a KL coefficient
    and no adapters; `make` builds the environments. Raises `InfopoError` after three non-finite updates in a row.
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
        self.config = config
        self.policy = policy
        self.folder = folder
        self.tokenizer = tokenizer
        self.reference = reference
        self.on_step = on_step
        self.make = make
        self.method = algorithms.get(config.algo, **config.algo_options)
        # Without `cpu` Accelerate would take each of several ranks without an accelerator for the only one.
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available())
        policy.model.eval()  # no dropout: the policy that samples is the policy that is trained
        policy.model.to(self.accelerator.device)
        if reference is not None:
            reference.eval().to(self.accelerator.device)
        self.updater = Updater(self.accelerator, policy, config, learning_rate)
        self.task_count = num_tasks(config.env, "train", **config.env_options)
        self.done_steps = 0
        self.skips_in_row = 0
        self.stop_requested = False
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
            state = restore(path, self.policy.model, self.updater.optimizer)
            self.done_steps, self.policy.version = int(state["step"]), int(state["version"])
            self.skips_in_row = int(state["skips_in_row"])
        return self.done_steps

    def run(self) -> None:
        """Train up to `config.steps`, saving every `save_every` steps and at the end."""
        while self.done_steps < self.config.steps and not self._stopping():
            self.step()
            due = self.done_steps % self.config.save_every == 0 or self.done_steps == self.config.steps
            if due or self._stopping():
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
                keep=self.config.keep_checkpoints,
            )
        self.accelerator.wait_for_everyone()

    def step(self) -> dict[str, float]:
        """Play, score, credit, update, log. Returns the step's metrics."""
        number = self.done_steps + 1
        clock = _Clock()
        batch = self._play(self.done_steps)
        clock.lap("rollout")
        usable = [group for group in batch.groups if len(group.survivors) >= 2]
        gains = self._gains(usable, batch, first=number == 1)
        clock.lap("gain")
        groups = batch.groups
        del batch  # the cache has served; the update needs its memory
        metrics = rollout_metrics(self._everywhere(list(groups)))
        rows, stats = self._credit(usable, gains)
        metrics |= stats
        metrics |= self._update(rows)
        metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}  # else: not measured
        clock.lap("update")
        self._log(number, self._records(number, groups, usable, gains, rows), metrics, clock.laps)
        self.done_steps = number
        if self.on_step is not None and self.accelerator.is_main_process:
            self.on_step(number, metrics, clock.laps)
        return metrics

    def tasks(self, step: int) -> list[TaskSpec]:
        """The tasks of a step (0-based): every task once per epoch, in an order drawn from the seed."""
        config = self.config
        specs = []
        for index in range(config.groups):
            position = step * config.groups + index
            epoch, offset = divmod(position, self.task_count)
            specs.append(
                TaskSpec(
                    env_id=config.env,
                    task=_epoch_order(config.seed, epoch, self.task_count)[offset],
                    seed=derive_seed(config.seed, "group", step, index),
                    user=config.user,
                    options=config.env_options,
                    group_id=f"{step + 1}/{index}",
                )
            )
        return specs

    def _play(self, step: int) -> RolloutBatch:
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        return asyncio.run(
            play_groups(
                HFSampler(self.policy),
                self.tasks(step)[rank::world],
                group_size=self.config.group_size,
                config=self.config.rollout,
                policy_version=self.policy.version,
                make=self.make,
            )
        )

    def _gains(self, groups: Sequence[Group], batch: RolloutBatch, *, first: bool) -> Gains | None:
        if "gain" not in self.method.needs:
            return None
        survivors = [trajectory for group in groups for trajectory in group.survivors]
        config = self.config
        if first and config.gain_backend == "auto" and survivors:
            check_backends(self.policy, survivors[: config.group_size], spec=config.gain, cache=batch.cache)
        return information_gain(
            self.policy, survivors, spec=config.gain, backend=config.gain_backend, cache=batch.cache
        )

    def _credit(self, groups: Sequence[Group], gains: Gains | None) -> tuple[list[list[Row]], dict[str, float]]:
        """Rows by update, whole groups together. Statistics are over all ranks' groups."""
        per_update: list[list[Row]] = [[] for _ in range(self.config.updates)]
        values = None if gains is None else [_values(row) for row in gains]
        signals = {} if values is None else {"gain": values}
        if groups:
            credit = self.method.credit(algorithms.credit_batch(groups, signals))
            for trajectory, advantages in zip(algorithms.credit_rows(groups), credit.advantages, strict=True):
                length = len(trajectory.token_ids)
                update = _place(trajectory.group_id) * self.config.updates // self.config.groups
                per_update[update].append(Row(trajectory=trajectory, advantages=advantages[:length].tolist()))
        everywhere = self._everywhere([(list(groups), values)])
        all_groups = [group for part, _ in everywhere for group in part]
        if not all_groups:
            return per_update, {}
        all_values = {} if values is None else {"gain": [row for _, part in everywhere for row in part or []]}
        batch: CreditBatch = algorithms.credit_batch(all_groups, all_values)
        return per_update, dict(self.method.credit(batch).stats)

    def _update(self, per_update: list[list[Row]]) -> dict[str, float]:
        metrics: dict[str, float] = {}
        skipped = 0
        broken: list[Row] = []
        for index, rows in enumerate(per_update):
            if self.config.loss.kl_coefficient:
                references = reference_logprobs(self.policy, self.reference, rows, self.config.micro_batch_tokens)
                rows = [
                    Row(trajectory=row.trajectory, advantages=row.advantages, reference=reference)
                    for row, reference in zip(rows, references, strict=True)
                ]
            figures, finite = self.updater.step(rows, self.done_steps * self.config.updates + index)
            if index == 0 and "loss/ratio_error" in figures:
                metrics["loss/ratio_error_first"] = figures["loss/ratio_error"]
            metrics |= figures  # of the last update, where there are several
            if finite:
                self.skips_in_row = 0
                self.policy.version += 1
            else:
                skipped += 1
                broken += rows
                self._skip(broken)
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
        groups: Sequence[Group],
        usable: Sequence[Group],
        gains: Gains | None,
        rows: list[list[Row]],
    ) -> list[dict[str, Any]]:
        """Every episode of the step, on all ranks, in the order of `tasks`."""
        scored = algorithms.credit_rows(usable)
        gain_of = {} if gains is None else {id(t): row for t, row in zip(scored, gains, strict=True)}
        advantages_of = {id(row.trajectory): row.advantages for part in rows for row in part}
        records = [
            self._record(step, trajectory, gain_of.get(id(trajectory)), advantages_of.get(id(trajectory)))
            for group in groups
            for trajectory in group.trajectories
        ]
        return sorted(self._everywhere(records), key=lambda record: (_place(record["group_id"]), record["episode"]))

    def _record(
        self, step: int, trajectory: Trajectory, gains: list[TurnGain | None] | None, advantages: list[float] | None
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
            gains=None if gains is None else _values(gains),
            advantages=per_turn,
        )

    def _everywhere(self, items: list[Any]) -> list[Any]:
        """The items of all ranks, in rank order."""
        if self.accelerator.num_processes == 1:
            return items
        from accelerate.utils import gather_object

        gathered: list[Any] = gather_object(items)
        return gathered


class _Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._start = self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[f"seconds/{name}"] = now - self._last
        self.laps["seconds/total"] = now - self._start
        self._last = now


@functools.lru_cache(maxsize=4)
def _epoch_order(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    return tuple(derive_random(seed, "epoch", epoch).sample(range(count), count))


def _place(group_id: str) -> int:
    """The position of a group in its step: what stands behind the slash in the ids that `tasks` gives."""
    return int(group_id.rpartition("/")[2])


def _values(gains: Sequence[TurnGain | None]) -> list[float | None]:
    return [None if gain is None else gain.value for gain in gains]


def _mean(values: Sequence[float]) -> float | None:
    mean = sum(values) / len(values) if values else math.nan
    return mean if math.isfinite(mean) else None
