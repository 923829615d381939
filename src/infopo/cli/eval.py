"""`infopo eval`: how a policy does on test tasks."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from infopo.cli.arguments import parse, take_options
from infopo.cli.eval_users import resolve_users
from infopo.cli.policy import HOSTED, check_playable, newest_checkpoint, with_nano_difficulty
from infopo.core import UserError
from infopo.core.typed_data import check_complete, from_data
from infopo.rollout.config import RolloutConfig

USUAL_EPISODES = 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class BudgetFlags:
    """For everything that endpoints are asked in one evaluation, by the policy and by users; it stops before it."""

    tokens: int | None = None  # read and written together
    money: float | None = None  # needs prices: prompt_price and reply_price in a settings file


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalFlags:
    """Evaluate a policy on test tasks: success with a 95 % interval, and behaviour. Or go on: `--resume RUN`.

    Options of the environment: `--env-options.NAME VALUE` (`infopo envs ID` lists them).
    """

    # nano, nano:ENV (warm-started on ENV), a transformers folder (a checkpoint is one), a hub name, or openai:NAME
    model: str = "nano"
    env: str = "usergym/travel"  # what is played: `infopo envs` lists them
    env_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    user: str | None = None  # who answers, by default scripted; several with commas, or all
    agent: Literal["plain", "react", "reflexion"] = "plain"  # how the policy is prompted
    trials: int = 3  # of a task, at most, for reflexion
    episodes: int | None = None  # tasks, counted from the first of the split; by default 200, or all there are
    samples: int = 1  # episodes a task
    split: Literal["train", "test"] = "test"
    seed: int = 0
    gains: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False  # measure the information gain of every turn
    dtype: Literal["float32", "bfloat16"] = "float32"
    rollout: RolloutConfig = dataclasses.field(default_factory=RolloutConfig)  # temperature 0: the likeliest token
    concurrency: int | None = None  # episodes at one time; by default 128, with an endpoint 8
    budget: BudgetFlags = dataclasses.field(default_factory=BudgetFlags)
    dry_run: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False  # say what it would take, and ask nothing
    out: str | None = None  # folder for config.yaml, trajectories.jsonl and summary.json
    resume: str | None = None  # the folder of an evaluation to go on with; only --budget.* may change


def run(arguments: Sequence[str]) -> int:
    """Evaluate, record what finishes where `--out` says, print the figures."""
    from infopo.users.llm import share_budget

    flags = _read_flags(arguments)
    spent = (0, 0.0)
    if flags.out is not None and flags.resume is not None:
        from infopo.evaluation.spending import recorded_spending

        spent = recorded_spending(Path(flags.out))
    if flags.dry_run:
        share_budget(tokens=0, money=None)  # nothing is asked
    else:
        share_budget(tokens=flags.budget.tokens, money=flags.budget.money, spent=spent)
    flags, users = _checked(flags)
    if flags.dry_run:
        from infopo.cli.eval_estimate import show_estimate

        return show_estimate(flags, users)
    from infopo.cli.eval_play import play_users

    return play_users(flags, users)


def _read_flags(arguments: Sequence[str]) -> EvalFlags:
    rest, options = take_options(arguments, ("env_options",))
    flags = parse(EvalFlags, rest, command="eval", free=("--env-options.NAME",))
    if flags.resume is not None:
        return _resumed(flags, arguments)
    flags = dataclasses.replace(flags, env_options=options.get("env_options", {}))
    if flags.model.startswith(HOSTED):
        from infopo.users.chat_settings import read_settings

        settings = read_settings(flags.model.removeprefix(HOSTED))
        if not any(argument.replace("_", "-").startswith("--rollout.max-new-tokens") for argument in rest):
            rollout = dataclasses.replace(flags.rollout, max_new_tokens=settings.max_reply_tokens)
            flags = dataclasses.replace(flags, rollout=rollout)
    return flags


def _resumed(flags: EvalFlags, arguments: Sequence[str]) -> EvalFlags:
    """The flags of the evaluation that is gone on with; budgets may be other ones."""
    from infopo.training.config_io import read_yaml

    names = {argument.partition("=")[0] for argument in arguments if argument.startswith("--")}
    extra = sorted(name for name in names if name != "--resume" and not name.startswith("--budget."))
    if extra:
        raise UserError(f"a resumed evaluation keeps its settings, only --budget.* may change; leave {extra[0]} out")
    path = Path(str(flags.resume))
    config = path / "config.yaml"
    if not config.is_file():
        raise UserError(f"{path} cannot be gone on with: it has no config.yaml; start an evaluation with --out {path}")
    data = read_yaml(config)
    check_complete(data, EvalFlags, where=str(config))
    before = from_data(data, EvalFlags, where=str(config))
    changed = {name: value for name in ("tokens", "money") if (value := getattr(flags.budget, name)) is not None}
    budget = dataclasses.replace(before.budget, **changed)
    return dataclasses.replace(before, budget=budget, out=str(path), resume=str(path))


def _checked(flags: EvalFlags) -> tuple[EvalFlags, list[str | None]]:
    """The flags with what follows from them filled in, and the users to play with; `UserError` for what cannot be."""
    env_options = with_nano_difficulty(flags.model, flags.env, flags.env_options)
    users = resolve_users(flags.user, flags.env, env_options, split=flags.split, dry=flags.dry_run)
    count = check_playable(flags.env, env_options, split=flags.split, user=None if flags.dry_run else users[0])
    episodes = min(USUAL_EPISODES, count) if flags.episodes is None else flags.episodes
    if not 1 <= episodes <= count:
        raise UserError(f"--episodes must lie between 1 and {count}, the tasks of {flags.env} in split {flags.split}")
    for name in ("samples", "trials", "concurrency"):
        value = getattr(flags, name)
        if value is not None and value < 1:
            raise UserError(f"--{name} must be at least 1, got {value}")
    for name in ("tokens", "money"):
        value = getattr(flags.budget, name)
        if value is not None and value < 0:
            raise UserError(f"--budget.{name} must not be negative, got {value}")
    if flags.gains and flags.model.startswith(HOSTED):
        raise UserError("--gains needs a model in this process: an endpoint does not say how likely its tokens were")
    if flags.agent == "reflexion" and flags.samples > 1:
        raise UserError("--samples with reflexion must be 1: it plays a task several times itself, --trials")
    # A run may be trained on before its evaluation is gone on with: which checkpoint it stood for is kept.
    model = flags.model if flags.model.startswith(HOSTED) else newest_checkpoint(flags.model)
    return dataclasses.replace(flags, model=model, env_options=env_options, episodes=episodes), users
