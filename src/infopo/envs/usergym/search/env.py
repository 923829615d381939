"""The environment: search, then answer."""

from infopo.core import Message, Outcome, TurnFacts, derive_random
from infopo.envs.base import Action, Opening, parse_action
from infopo.envs.episode import NO_INFORMATION, Episode, Result
from infopo.envs.usergym.search import texts
from infopo.envs.usergym.search.judge import AnswerJudge, same_letters
from infopo.envs.usergym.search.options import ENV_ID, Rules, SearchOptions
from infopo.envs.usergym.search.task import Backend, Task
from infopo.envs.usergym.upstream import read_action


class SearchEnv(Episode):
    """One question. Score: 1 for the right answer, else 0."""

    env_id = ENV_ID

    def __init__(
        self, task: Task, backend: Backend, judge: AnswerJudge, *, seed: int, options: SearchOptions, rules: Rules
    ) -> None:
        super().__init__(task_id=task.task_id, max_turns=rules.max_steps, pays=options.reward == "upstream")
        self._task, self._backend, self._judge = task, backend, judge
        self._options, self._rules = options, rules
        self._texts = texts.TEXTS[options.difficulty]
        self._random = derive_random(seed, ENV_ID, task.task_id)
        self._searches = 0
        self._queries: set[str] = set()
        self._known: set[str] = set()
        self._solved = False

    def _open(self) -> Opening:
        opening = texts.opening(self._task, self._options.difficulty, self._rules.free_answers)
        return Opening(messages=opening, hidden=self._task.facts)

    async def outcome(self) -> Outcome:
        """Whether the right answer was given."""
        return Outcome(score=float(self._solved), success=self._solved)

    def reference_answer(self) -> str | None:
        """The expected answer."""
        return self._task.answer

    def state_key(self) -> str | None:
        """Which facts were found, and what was searched for, in whatever order."""
        return f"known:{','.join(sorted(self._known))};searched:{'|'.join(sorted(self._queries))}"

    async def _execute(self, action: Message) -> Result:
        rules = self._rules
        result = await self._act(read_action(action, strip=True) if rules.plain_prefixes else parse_action(action))
        return Result(
            text=result.text,
            kind=result.kind,
            facts=result.facts,
            reward=rules.pay(result.reward, self._turns),
            done=result.done,
            truncated=self._at_limit if rules.both_flags else None,
        )

    async def _act(self, action: Action) -> Result:
        if action.choice == "search":
            return self._search(action.content)
        if action.choice == "answer":
            return await self._answer(action.content)
        if action.choice == "finish":
            text = self._texts["finish_unsolved" if self._rules.finish_tells else "finish"]
            text = text.format(gold=self._task.answer)
            return Result(text=text, kind="env", facts=TurnFacts(kind="finish"), done=True)
        return Result(text=self._texts["invalid"], kind="env", facts=TurnFacts(kind="invalid"))

    def _search(self, query: str) -> Result:
        self._searches += 1
        missed = TurnFacts(kind="search")
        if self._searches > self._rules.max_search_steps:
            return Result(text=self._texts["limit"], kind="env", facts=missed)
        if not query:
            return Result(text=self._texts["empty_query"], kind="env", facts=missed)
        if self._random.random() < self._options.unanswered:
            return Result(text=NO_INFORMATION, kind="tool", facts=missed)
        whole = [hit for hit in self._backend.find(query) if hit.title and hit.snippet]
        hits = whole[: self._rules.max_search_results]
        found = dict.fromkeys(hit.fact for hit in hits)
        revealed = tuple(fact for fact in found if fact in self._task.facts and fact not in self._known)
        self._known.update(fact for fact in revealed if fact)
        words = " ".join(query.lower().split())
        repeated = words in self._queries
        self._queries.add(words)
        return Result(
            text=texts.results(query, hits, self._options.difficulty),
            kind="tool",
            facts=TurnFacts(
                kind="search", revealed=tuple(filter(None, revealed)), repeated=repeated, useful=bool(revealed)
            ),
        )

    async def _answer(self, answer: str) -> Result:
        rules = self._rules
        if not answer:
            return Result(text=self._texts["empty_answer"], kind="env", facts=TurnFacts(kind="act"))
        right = same_letters(answer, self._task.answer)
        if not right and rules.eval_method == "llm":
            right = await self._judge.accepts(answer)
        self._solved = right
        return Result(
            text=self._texts["correct" if right else "wrong"].format(answer=answer),
            kind="env",
            facts=TurnFacts(kind="act", useful=right),
            reward=rules.correct_answer_reward if right else rules.incorrect_answer_reward,
            done=right or not rules.free_answers,
        )
