"""`infopo eval --dry-run`: what an evaluation would take."""

from typing import TYPE_CHECKING

from infopo.cli.eval_play import suite_of
from infopo.cli.policy import HOSTED
from infopo.core import InfopoError
from infopo.users.chat_settings import ChatSettings, read_settings
from infopo.users.names import parse_user

if TYPE_CHECKING:
    from infopo.cli.eval import EvalFlags
    from infopo.evaluation.estimate import Calls, Estimate


def show_estimate(flags: "EvalFlags", users: list[str | None]) -> int:
    """Print how many episodes, calls and tokens, and what they would cost; returns the exit code."""
    from infopo.evaluation.estimate import estimate

    suite = suite_of(flags, user=None)
    trials = f", up to {flags.trials} trials each" if flags.agent == "reflexion" else ""
    count = suite.episodes * flags.samples * len(users)
    who = "1 user" if len(users) == 1 else f"{len(users)} users"
    print(f"episodes   {count}: {suite.episodes} tasks, {flags.samples} each, {who}{trials}")
    try:
        found = estimate(suite, samples=flags.samples, agent=flags.agent, trials=flags.trials, config=flags.rollout)
    except InfopoError as error:
        print(f"calls      cannot be estimated: {error}")
    else:
        _show(flags, users, found)
    print("nothing was asked")
    return 0


def _show(flags: "EvalFlags", users: list[str | None], found: "Estimate") -> None:
    settings = read_settings(flags.model.removeprefix(HOSTED)) if flags.model.startswith(HOSTED) else None
    factor = len(users)
    print(f"policy     {_calls(found.policy, factor)}; at most {_calls(found.most, factor, about='')}")
    if settings is not None:
        about, most = (_money(part, settings, factor) for part in (found.policy, found.most))
        print(f"costs      {_unpriced(settings) if about is None else f'about {about}, at most {most}'}")
    for user in users:
        parsed = parse_user(user)
        if parsed.kind == "llm" and parsed.argument is not None:
            writer = read_settings(parsed.argument)
            cost = _money(found.user, writer, 1)
            print(f"{user}  {_calls(found.user, 1)}; costs {_unpriced(writer) if cost is None else f'about {cost}'}")


def _calls(part: "Calls", factor: int, *, about: str = "about ") -> str:
    prompt, reply = part.prompt * factor, part.reply * factor
    return f"{about}{part.calls * factor:,.0f} calls, {prompt:,.0f} tokens read, {reply:,.0f} written"


def _money(part: "Calls", settings: ChatSettings, factor: int) -> str | None:
    if settings.prompt_price is None or settings.reply_price is None:
        return None
    return f"{part.money(settings.prompt_price, settings.reply_price) * factor:,.4f} in money"


def _unpriced(settings: ChatSettings) -> str:
    return f"not known: {settings.model} has no prompt_price and reply_price; name a settings file with both"
