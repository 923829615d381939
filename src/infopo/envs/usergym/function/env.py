"""The environment: probe the function, look at the test case, answer."""

import math

from infopo.core import Message, Outcome, TurnFacts, derive_random
from infopo.envs.base import Action, Opening, parse_action
from infopo.envs.episode import NO_INFORMATION, Episode, Result
from infopo.envs.usergym.function import texts
from infopo.envs.usergym.function.bank import NANO_NUMBERS
from infopo.envs.usergym.function.formula import read_formula
from infopo.envs.usergym.function.options import ENV_ID, FunctionOptions, Rules
from infopo.envs.usergym.function.task import Task
from infopo.envs.usergym.upstream import read_action

TOLERANCE = 1e-6
TEST_CASE = "test_case"  # the fact that a search reveals; the rule itself is told by nobody


class FunctionEnv(Episode):
    """One search for a function. Score: 1 for the expected result, else 0."""

    env_id = ENV_ID

    def __init__(self, task: Task, *, seed: int, options: FunctionOptions, rules: Rules) -> None:
        super().__init__(task_id=task.task_id, max_turns=rules.max_steps, pays=options.reward == "upstream")
        self._task, self._options, self._rules = task, options, rules
        self._formula = read_formula(task.rule)
        self._texts = texts.TEXTS[options.difficulty]
        self._random = derive_random(seed, ENV_ID, task.task_id)
        self._probed: dict[tuple[float, ...], str] = {}
        self._seen_test = options.reveal != "none"
        self._solved = False

    def _open(self) -> Opening:
        options = self._options
        messages = texts.opening(self._task, options.difficulty, options.reveal, self._rules.free_answers)
        return Opening(messages=messages, hidden=() if self._seen_test else (TEST_CASE,))

    async def outcome(self) -> Outcome:
        """Whether the expected result was given."""
        return Outcome(score=float(self._solved), success=self._solved)

    def reference_answer(self) -> str | None:
        """The expected result."""
        return texts.spoken([self._task.expected], "")

    def state_key(self) -> str | None:
        """Which numbers were tried, and whether the test case is known."""
        probes = sorted(texts.spoken(numbers, " ") for numbers in self._probed)
        return f"test:{int(self._seen_test)};probed:{','.join(probes)}"

    async def _execute(self, action: Message) -> Result:
        rules = self._rules
        result = self._act(read_action(action, strip=True) if rules.plain_prefixes else parse_action(action))
        return Result(
            text=result.text,
            kind=result.kind,
            facts=result.facts,
            reward=rules.pay(result.reward, self._turns),
            done=result.done,
            truncated=self._at_limit if rules.both_flags else None,
        )

    def _act(self, action: Action) -> Result:
        if action.choice == "action":
            return self._probe(texts.numbers_in(action.content))
        if action.choice == "search":
            return self._search(action.content)
        if action.choice == "answer":
            return self._answer(action.content)
        if action.choice == "finish":
            # an answer that was not given is still a secret, unless the published gym is played
            key = "finish_unsolved" if self._rules.free_answers else "finish"
            return Result(text=self._say(key), kind="env", facts=TurnFacts(kind="finish"), done=True)
        return Result(text=self._say("invalid"), kind="env", facts=TurnFacts(kind="invalid"))

    def _probe(self, numbers: list[float]) -> Result:
        facts = TurnFacts(kind="ask")
        if len(numbers) != 4 or not (self._rules.loose_probes or self._allowed(numbers)):
            return Result(text=self._say("need_four"), kind="env", facts=facts)
        if numbers == list(self._task.test_case):
            return Result(text=self._say("is_test_case"), kind="env", facts=facts)
        if self._silent():
            return Result(text=NO_INFORMATION, kind="tool", facts=facts)
        key = tuple(numbers)
        repeated = key in self._probed
        self._probed[key] = text = self._evaluated(numbers)
        return Result(text=text, kind="tool", facts=TurnFacts(kind="ask", repeated=repeated, useful=not repeated))

    def _allowed(self, numbers: list[float]) -> bool:
        if self._options.difficulty == "nano":
            return all(number in NANO_NUMBERS for number in numbers)
        return all(number.is_integer() for number in numbers)

    def _evaluated(self, numbers: list[float]) -> str:
        rounded = self._rules.rounded_results
        try:
            value = self._formula(numbers)
        except (ArithmeticError, TypeError):
            return self._say("error")
        if rounded:
            shown = ", ".join(map(str, numbers))
            return self._texts["result"].format(numbers=shown, result=round(value, 4))
        if not math.isfinite(value):
            return self._say("error")
        return self._texts["result"].format(numbers=self._spoken(numbers), result=texts.spoken([value], ""))

    def _search(self, text: str) -> Result:
        if text.lower() != "test":
            return Result(text=self._say("bad_search"), kind="env", facts=TurnFacts(kind="search"))
        if self._silent():
            return Result(text=NO_INFORMATION, kind="tool", facts=TurnFacts(kind="search"))
        repeated, self._seen_test = self._seen_test, True
        revealed = () if repeated else (TEST_CASE,)
        facts = TurnFacts(kind="search", revealed=revealed, repeated=repeated, useful=not repeated)
        return Result(text=texts.test_case(self._task, self._options.difficulty), kind="tool", facts=facts)

    def _answer(self, text: str) -> Result:
        rules = self._rules
        try:
            value = float(text)
        except ValueError:
            return Result(text=self._say("no_number"), kind="env", facts=TurnFacts(kind="act"))
        self._solved = abs(value - self._task.expected) <= TOLERANCE
        return Result(
            text=self._say("correct" if self._solved else "wrong"),
            kind="env",
            facts=TurnFacts(kind="act", useful=self._solved),
            reward=rules.correct_answer_reward if self._solved else rules.incorrect_answer_reward,
            done=self._solved or not rules.free_answers,
        )

    def _silent(self) -> bool:
        return self._random.random() < self._options.unanswered

    def _spoken(self, numbers: list[float]) -> str:
        return texts.spoken(numbers, " " if self._options.difficulty == "nano" else ", ")

    def _say(self, key: str) -> str:
        expected = self._task.expected  # shown as every other result is
        shown = str(expected) if self._rules.rounded_results else texts.spoken([expected], "")
        return self._texts[key].format(expected=shown)
