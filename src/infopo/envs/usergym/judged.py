"""A language model that judges answers to own tasks, where one is named: option `judge`, `rule` or `llm:NAME`."""

from collections.abc import Callable

from infopo.core import UserError
from infopo.envs.usergym.guessing import TOLERANCE, Ruler, Ruling
from infopo.users import Judge, JudgeRequest, Verdict
from infopo.users.judges import LLMJudge

RULE = "rule"
_MODEL = "llm:"


def check_judge(env_id: str, name: object, *, data: str | None = None) -> None:
    """`UserError` for a judge that is none, and for one beside `data`, whose judge is the model that plays the user."""
    if name != RULE and not (isinstance(name, str) and name.startswith(_MODEL) and name != _MODEL):
        raise UserError(f"option judge of {env_id} must be 'rule', or 'llm:NAME' as in 'llm:gpt-4o-mini', got {name!r}")
    if name != RULE and data is not None:
        raise UserError(f"option judge of {env_id}: published records are judged by the model of --user; leave it out")


def named_judge(name: str) -> Judge | None:
    """The judge that is asked where the rules of the gym do not accept an answer; None: the rules alone decide."""
    if name == RULE:
        return None
    from infopo.users.llm import open_chat

    return LLMJudge(open_chat(name.removeprefix(_MODEL)))


class JudgedRuler:
    """A `Ruler`. What the script finds right is right; of all else the judge decides.

    `request` makes the question to the judge of an answer, `ruling` what is said of a verdict.
    """

    def __init__(
        self,
        script: Ruler,
        judge: Judge,
        request: Callable[[str], JudgeRequest],
        ruling: Callable[[Verdict], Ruling],
    ) -> None:
        self._script, self._judge, self._request, self._of = script, judge, request, ruling

    async def rule(self, answer: str) -> Ruling:
        """Raises `ChatError` where the judge gives no verdict: the episode is then a failure."""
        found = await self._script.rule(answer)
        accepted = found.score is not None and found.score >= 1.0 - TOLERANCE
        if accepted or not answer.strip():  # an answer that says nothing is nobody's to judge
            return found
        return self._of(await self._judge.judge(self._request(answer)))
