"""The environment: search, look around, choose, buy."""

import re

from infopo.core import FeedbackKind, Message, Outcome, TurnFacts
from infopo.envs.base import Action, Opening, parse_action
from infopo.envs.episode import Episode, Result
from infopo.envs.webshop.bank import Task
from infopo.envs.webshop.catalogue import engine
from infopo.envs.webshop.options import ENV_ID, WebShopOptions
from infopo.envs.webshop.pages import BUY, Page, opening
from infopo.envs.webshop.purchase import worth

STANDARD = {
    "bought": "Thank you for your purchase.",
    "finish": "You left the shop.",
    "empty": "Say what to search for.",
    "no button": "This page has no button {name}.",
    "invalid": "This is no action. Start your message with [search], [action] or [finish].",
}
NANO = {"bought": "bought", "finish": "bye", "empty": "search what ?", "no button": "no", "invalid": "no"}

_PUBLISHED = re.compile(r"(search|click)\s*\[(.*)\]", re.IGNORECASE | re.DOTALL)


def read_shop_action(message: Message) -> Action:
    """`search`, `action` (a click) or `finish`; the published `search[...]`, `click[...]` are the same, tag or not.

    >>> read_shop_action(Message(role="assistant", content="click[ Buy Now ]"))
    Action(choice='action', content='Buy Now')
    >>> read_shop_action(Message(role="assistant", content="[action] click[< Prev]"))
    Action(choice='action', content='Prev')
    """
    action = parse_action(message)
    published = _PUBLISHED.fullmatch(action.content) if action.choice in (None, "action") else None
    if published:
        choice = "search" if published[1].lower() == "search" else "action"
        action = Action(choice=choice, content=published[2].strip())
    if action.choice == "action":
        return Action(choice="action", content=action.content.strip("<> "))
    return action


class WebShopEnv(Episode):
    """One wish. Score: what the purchase is worth; without one, nothing. Success: it is worth 1."""

    env_id = ENV_ID

    def __init__(self, task: Task, *, options: WebShopOptions) -> None:
        super().__init__(task_id=task.task_id, max_turns=options.max_turns, pays=options.reward == "upstream")
        self._task, self._options = task, options
        self._texts = NANO if options.nano else STANDARD
        self._page = Page()
        self._seen = {self._page.key()}
        self._score = 0.0

    def _open(self) -> Opening:
        return Opening(messages=opening(self._task.wish, self._options))

    async def outcome(self) -> Outcome:
        """What was bought is worth."""
        return Outcome(score=self._score, success=self._score == 1.0)

    def reference_answer(self) -> str | None:
        """The product that the wish was made from."""
        return self._task.product.id

    def state_key(self) -> str | None:
        """The page: its kind, the results, the product and the chosen options."""
        return self._page.key()

    async def _execute(self, action: Message) -> Result:
        parsed = read_shop_action(action)
        if parsed.choice == "search":
            return self._search(parsed.content)
        if parsed.choice == "action":
            return self._click(" ".join(parsed.content.lower().split()))
        if parsed.choice == "finish":
            return Result(text=self._texts["finish"], kind="env", facts=TurnFacts(kind="finish"), done=True)
        return self._still("invalid", TurnFacts(kind="invalid"))

    def _search(self, query: str) -> Result:
        words = " ".join(query.lower().split())
        if not words:
            return self._still("empty", TurnFacts(kind="search"))
        results = engine(self._options.difficulty).find(words)
        return self._go(Page(kind="results", query=words, results=results))

    def _click(self, name: str) -> Result:
        page = self._page
        if name == BUY and page.kind == "item":
            return self._buy()
        target = page.buttons(self._options).get(name)
        if target is None:
            return self._still("no button", TurnFacts(kind="invalid"), name=name)
        if target.kind == page.kind == "item":
            repeated = page.chosen == target.chosen
            wished = name in self._task.wish.options.values()
            self._page = target
            self._seen.add(target.key())
            return self._result(TurnFacts(kind="act", repeated=repeated, useful=wished and not repeated))
        return self._go(target)

    def _go(self, page: Page) -> Result:
        """Another page: something to read."""
        self._page = page
        repeated = page.key() in self._seen
        self._seen.add(page.key())
        return self._result(TurnFacts(kind="search", repeated=repeated, useful=not repeated))

    def _buy(self) -> Result:
        assert self._page.product is not None
        self._score = worth(self._task, self._page.product, self._page.chosen)
        facts = TurnFacts(kind="act", useful=self._score == 1.0)
        return Result(text=self._texts["bought"], kind="env", facts=facts, reward=self._score, done=True)

    def _result(self, facts: TurnFacts, *, kind: FeedbackKind = "tool", note: str = "") -> Result:
        return Result(text=note + self._page.shown(self._options), kind=kind, facts=facts)

    def _still(self, text: str, facts: TurnFacts, name: str = "") -> Result:
        """The same page, below a word on why."""
        return self._result(facts, kind="env", note=f"{self._texts[text].format(name=name)}\n")
