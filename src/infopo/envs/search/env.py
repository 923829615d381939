"""The environment: search, then answer."""

from infopo.core import Message, Outcome, TurnFacts, derive_random
from infopo.envs.base import Action, Opening, parse_action
from infopo.envs.episode import Episode, Result
from infopo.envs.search.form import balanced, read_published, valid_form
from infopo.envs.search.options import ENV_ID, SearchQAOptions
from infopo.envs.search.rewards import ANSWER_SPLIT, exact_match, form_reward, normalised_answer, word_set_f1
from infopo.envs.search.task import Document, Question, SearchBackend
from infopo.envs.search.texts import Texts


class SearchQAEnv(Episode):
    """One question. Score: see option `score`. Success: the answer is, normalised, one of the right ones."""

    env_id = ENV_ID

    def __init__(self, question: Question, backend: SearchBackend, *, seed: int, options: SearchQAOptions) -> None:
        super().__init__(task_id=question.task_id, max_turns=options.max_turns, pays=options.reward == "upstream")
        self._question, self._backend, self._options = question, backend, options
        self._texts = Texts(options.difficulty, options.tags)
        self._random = derive_random(seed, ENV_ID, question.task_id)
        self._actions: list[str] = []
        self._queries: set[str] = set()
        self._known: set[str] = set()
        self._retrieved = False  # a document that was shown holds a right answer
        self._answer: str | None = None

    def _open(self) -> Opening:
        return Opening(
            messages=self._texts.opening(self._question, self.max_turns), hidden=tuple(self._question.hidden)
        )

    async def outcome(self) -> Outcome:
        """What the answer is worth; without one, nothing."""
        right = self._answer is not None and bool(exact_match(self._answer, self._question.answers))
        return Outcome(score=self._score(right), success=right)

    def _score(self, right: bool) -> float:
        if self._options.score == "form":
            return form_reward(
                correct=right,
                valid_form=valid_form(self._actions),
                answered=self._answer is not None,
                retrieved=self._retrieved,
            )
        if self._answer is None or self._penalised:
            return 0.0
        if self._options.score == "exact":
            return float(right)
        return word_set_f1(self._answer, ANSWER_SPLIT.join(self._question.answers))

    @property
    def _penalised(self) -> bool:
        return self._options.format_penalty > 0 and (self._answer is None or not balanced(self._actions))

    def reference_answer(self) -> str | None:
        """The first of the right answers."""
        return self._question.answers[0]

    def state_key(self) -> str | None:
        """Which facts were found, and what was searched for, in whatever order."""
        return f"known:{','.join(sorted(self._known))};searched:{'|'.join(sorted(self._queries))}"

    async def _execute(self, action: Message) -> Result:
        self._actions.append(action.content)
        read = read_published(action) if self._options.tags == "published" else parse_action(action)
        result = await self._act(read)
        if not (self.pays and (result.done or self._at_limit)):
            return result
        reward = -self._options.format_penalty if self._penalised else (await self.outcome()).score
        return Result(text=result.text, kind=result.kind, facts=result.facts, done=result.done, reward=reward)

    async def _act(self, action: Action) -> Result:
        if action.choice == "search":
            return await self._search(action.content)
        if action.choice == "answer":
            return self._take(action.content)
        if action.choice == "finish":
            return Result(text=self._texts["finish"], kind="env", facts=TurnFacts(kind="finish"), done=True)
        return Result(text=self._texts["invalid"], kind="env", facts=TurnFacts(kind="invalid"))

    async def _search(self, query: str) -> Result:
        missed = TurnFacts(kind="search")
        if self._at_limit:
            return Result(text=self._texts["late"], kind="env", facts=missed)
        words = " ".join(query.lower().split())
        if not words:
            return Result(text=self._texts["empty_query"], kind="env", facts=missed)
        if self._random.random() < self._options.unanswered:
            return Result(text=self._texts.results(()), kind="tool", facts=missed)
        documents = tuple(await self._backend.search(query, self._options.shown))
        facts = self._facts(words, documents)
        return Result(text=self._texts.results(documents), kind="tool", facts=facts)

    def _facts(self, words: str, documents: tuple[Document, ...]) -> TurnFacts:
        """What a search brought to light. Where the way to the answer is not known, showing the answer is useful."""
        titles = {one.title for one in documents}
        hidden = self._question.hidden
        revealed = tuple(fact for fact, title in hidden.items() if title in titles and fact not in self._known)
        holds = any(self._holds_answer(one) for one in documents)
        useful = bool(revealed) if self._question.hops else holds and not self._retrieved
        repeated = words in self._queries
        self._known.update(revealed)
        self._queries.add(words)
        self._retrieved |= holds
        return TurnFacts(kind="search", revealed=revealed, repeated=repeated, useful=useful)

    def _holds_answer(self, document: Document) -> bool:
        text = f" {normalised_answer(f'{document.title} {document.text}')} "
        return any(f" {normalised_answer(answer)} " in text for answer in self._question.answers)

    def _take(self, answer: str) -> Result:
        if not answer:
            return Result(text=self._texts["empty_answer"], kind="env", facts=TurnFacts(kind="act"))
        self._answer = answer
        right = bool(exact_match(answer, self._question.answers))
        return Result(text=self._texts["answered"], kind="env", facts=TurnFacts(kind="act", useful=right), done=True)
