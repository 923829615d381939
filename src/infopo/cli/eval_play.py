"""The playing part of `infopo eval`: with one user or several, kept as it goes, figures last."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from infopo.cli.eval_figures import figures, shift_lines
from infopo.cli.eval_players import chat_users, hold_to, hosted
from infopo.cli.eval_progress import EvalProgress
from infopo.cli.evaluations import refuse_unwritable
from infopo.cli.output import plain
from infopo.cli.policy import HOSTED, load
from infopo.cli.progress import say
from infopo.core import Group, InfopoError, UserError, atomic_write_text
from infopo.core.folder_lock import FolderLock
from infopo.core.typed_data import to_data
from infopo.envs.mixtures import folder_name
from infopo.rollout.failures import most_frequent_failure, stop_where_all_failed

if TYPE_CHECKING:
    from infopo.cli.eval import EvalFlags
    from infopo.evaluation.agents import Agent
    from infopo.evaluation.play import Pace, Suite
    from infopo.evaluation.spending import Ledger, Meter
    from infopo.evaluation.turn_gains import MeasuredGains


def play_users(flags: "EvalFlags", users: list[str | None]) -> int:
    """Play, record, then print; returns the exit code."""
    from infopo.evaluation.spending import Ledger

    out = None if flags.out is None else Path(flags.out)
    if out is not None and flags.resume is None:
        refuse_unwritable(out)
        _refuse_taken(out)
    player = _player(flags)
    with ExitStack() as stack:
        if out is not None:
            stack.callback(FolderLock(out).release)
            hold_to(out, player.identity, chat_users(users))
            _write_config(out, flags)
        elif flags.model.startswith(HOSTED):
            say("without --out nothing is kept where this stops half-way")
        ledger = Ledger(out, player.meter)
        stack.callback(ledger.close)
        with _says_how_to_go_on(out):
            summaries: list[dict[str, Any]] = []
            played: list[Group] = []
            for user in users:
                place = _place(out, user, users)
                summary, groups = _play(flags, player, user, place, ledger)
                if len(users) > 1:
                    _write_summary(place, summary)
                summaries.append(summary)
                played += groups
    shared = {"model": flags.model, "agent": flags.agent, "spending": ledger.data()}
    whole = summaries[0] | shared if len(users) == 1 else shared | {"users": dict(zip(users, summaries, strict=True))}
    if out is not None:
        _write_summary(out, whole)
    failure = most_frequent_failure(played)  # as an endpoint words it
    failure = None if failure is None else plain(failure)
    lines = figures(whole, failure=failure) if len(users) == 1 else shift_lines(whole)
    for line in lines:
        print(line)
    if out is not None:
        print(f"recorded in {out}")
        if any(trajectory.failure is not None for group in played for trajectory in group.trajectories):
            print(f"to play again what broke off: infopo eval --resume {out}")
    stop_where_all_failed(played, "evaluation")
    return 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Player:
    """The policy behind its agent, what its replies depend on, and how many tasks it plays at one time. Of a model in
    this process: its meter, and the `LanguageModel` that measures gains where they are wanted."""

    agent: "Agent"
    identity: dict[str, Any]
    pace: "Pace"
    meter: "Meter | None"
    scorer: Any


def _player(flags: "EvalFlags") -> _Player:
    from infopo.evaluation.agents import Agent
    from infopo.evaluation.evaluate import BATCH, local_sampler
    from infopo.evaluation.play import Pace
    from infopo.evaluation.score import weights_checksum
    from infopo.evaluation.spending import Meter

    identity: dict[str, Any] = {}
    meter: Meter | None = None
    scorer: Any = None
    version = 0
    if flags.model.startswith(HOSTED):
        from infopo.samplers.openai import OpenAISampler
        from infopo.users.chat_settings import read_settings
        from infopo.users.llm import open_chat

        settings = read_settings(flags.model.removeprefix(HOSTED))
        at_once = flags.concurrency or settings.concurrency
        settings = dataclasses.replace(settings, concurrency=at_once)
        identity = hosted(settings)
        sampler: Any = OpenAISampler(open_chat(settings), temperature=flags.rollout.temperature)
        pace = Pace(batch=1, at_once=max(1, at_once // flags.samples))
    else:
        loaded = load(
            flags.model,
            flags.env,
            flags.env_options,
            temperature=flags.rollout.temperature,
            dtype=flags.dtype,
            say=say,
        )
        version = loaded.policy.version
        if flags.out is not None:  # else nothing is kept that could be gone on with
            identity = {"weights": weights_checksum(loaded.policy), "template": loaded.policy.renderer.fingerprint}
        local = local_sampler(loaded.policy, flags.rollout.temperature)
        scorer = local.policy if flags.gains else None
        sampler = meter = Meter(local)
        pace = Pace(batch=max(1, (flags.concurrency or BATCH) // flags.samples))
    agent = Agent(
        name=flags.agent,
        sampler=sampler,
        config=flags.rollout,
        samples=flags.samples,
        trials=flags.trials if flags.agent == "reflexion" else 1,
        policy_version=version,
    )
    return _Player(agent=agent, identity=identity, pace=pace, meter=meter, scorer=scorer)


def suite_of(flags: "EvalFlags", user: str | None) -> "Suite":
    """The tasks that the flags ask for, with one user."""
    from infopo.evaluation.play import Suite

    return Suite(
        env=flags.env,
        env_options=flags.env_options,
        episodes=flags.episodes or 1,
        split=flags.split,
        seed=flags.seed,
        user=user,
    )


def _play(
    flags: "EvalFlags", player: _Player, user: str | None, folder: Path | None, ledger: "Ledger"
) -> tuple[dict[str, Any], Sequence[Group]]:
    """The summary and the groups of one user."""
    from infopo.evaluation.floors import floors_of
    from infopo.evaluation.play import play_suite
    from infopo.evaluation.turn_gains import MeasuredGains

    suite = suite_of(flags, user)
    gains = None if player.scorer is None else MeasuredGains(model=player.scorer)
    floors = floors_of(suite.env, suite.env_options, episodes=suite.episodes, split=suite.split)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        _write_config(folder, dataclasses.replace(flags, user=user, out=str(folder)))
    seen: list[Group] = []
    groups: Sequence[Group] | None = None
    try:
        with EvalProgress(suite.episodes, what=user or "played", spent=lambda: _spent(ledger)) as progress:

            def tell(batch: Sequence[Group]) -> None:
                ledger.note()
                seen.extend(batch)
                progress.on_groups(batch)

            groups = play_suite(player.agent, suite, player.pace, folder=folder, on_groups=tell, gains=gains)
    finally:
        if groups is None and any(group.survivors for group in seen):  # it stops here: what was paid for is shown
            say(f"so far, {len(seen)} of {suite.episodes} tasks:")
            for line in figures(_summary(flags, seen, gains)):
                say(line)
    if gains is not None and gains.problems:
        say(f"{len(gains.problems)} episodes have no gains: {plain(gains.problems[0])}")
    return _summary(flags, groups, gains, floors) | {"user": user or "scripted"}, groups


def _summary(
    flags: "EvalFlags", groups: Sequence[Group], gains: "MeasuredGains | None", floors: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The figures of what was played with one user."""
    from infopo.evaluation.summarise import summarise
    from infopo.evaluation.trials import trials_summary

    shape: dict[str, Any] = {"env": flags.env, "split": flags.split, "seed": flags.seed}
    more: dict[str, Any] = {}
    if flags.agent == "reflexion":
        found, trials = trials_summary(groups, **shape, gains=gains)
        more["trials"] = {"most": flags.trials, **trials}
    else:
        found = summarise(groups, samples=flags.samples, **shape, gains=None if gains is None else gains.of(groups))
    return dataclasses.replace(found, floors=floors or {}).summary() | more


def _spent(ledger: "Ledger") -> str:
    """What endpoints have billed so far."""
    rows = [spent for who, spent in ledger.totals.items() if who != "policy"]
    if not rows:
        return ""
    tokens, money = sum(one.prompt_tokens + one.reply_tokens for one in rows), sum(one.money for one in rows)
    return f"{tokens:,} tokens" + (f", {money:.4f} in money" if money else "")


@contextmanager
def _says_how_to_go_on(out: Path | None) -> Iterator[None]:
    """Whatever stops an evaluation half-way: what is finished is kept, and how to go on is said."""
    from infopo.users.llm import BudgetError

    kept = "" if out is None else f"; what is finished is kept: go on with infopo eval --resume {out}"
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped{kept}") from None
    except BudgetError as error:
        raise InfopoError(f"{error}{kept and kept + ' --budget.tokens N (or --budget.money N)'}") from error
    except UserError as error:
        raise UserError(f"{error}{kept}") from error
    except InfopoError as error:
        raise InfopoError(f"{error}{kept}") from error


def _refuse_taken(out: Path) -> None:
    if out.is_dir() and any(not entry.name.startswith(".") for entry in out.iterdir()):
        how = f"go on with it by --resume {out}, or " if (out / "config.yaml").is_file() else ""
        raise UserError(f"{out} is not empty: {how}give another --out")


def _place(out: Path | None, user: str | None, users: Sequence[str | None]) -> Path | None:
    """Where the records of one user go: the folder itself where there is no other."""
    return out if out is None or len(users) == 1 else out / "users" / folder_name(user or "scripted")


def _write_config(folder: Path, flags: "EvalFlags") -> None:
    data = to_data(dataclasses.replace(flags, resume=None))
    atomic_write_text(folder / "config.yaml", yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def _write_summary(folder: Path | None, summary: dict[str, Any]) -> None:
    if folder is not None:
        atomic_write_text(folder / "summary.json", json.dumps(summary, indent=1, allow_nan=False) + "\n")
