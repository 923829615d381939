"""`toy/slots`: one hidden value per slot; ask for it, or guess. The smallest task where asking pays.

Opening: `guess color size : red blue green gray / tiny small large huge`, then `my color : red` for what it reveals.
`[action] which color ?` is answered `it is red` (or, with probability `unanswered`, "No information found.");
`[answer] red small` names one value per slot, in the slots' order, and ends the episode. All text is lower case and
from a closed vocabulary, except the placeholder.
"""

import math
import random
import re
from collections.abc import Set
from dataclasses import dataclass
from functools import cache
from itertools import islice

from infopo.core import Message, Outcome, TurnFacts, UnknownNameError, UserError, derive_random, derive_seed
from infopo.envs.base import Action, Opening, Step, parse_action
from infopo.envs.registry import Canary, EnvSpec, ExpertKind, Split
from infopo.users.base import UserReply
from infopo.users.names import make_user

ENV_ID = "toy/slots"
SLOTS: dict[str, tuple[str, ...]] = {
    "color": ("red", "blue", "green", "gray", "black", "white"),
    "size": ("tiny", "small", "large", "huge", "wide", "tall"),
    "pet": ("cat", "dog", "fish", "bird", "horse", "mouse"),
    "food": ("rice", "bread", "soup", "cake", "pasta", "salad"),
    "drink": ("tea", "milk", "juice", "water", "coffee", "cocoa"),
    "place": ("park", "beach", "city", "farm", "lake", "hill"),
    "shape": ("circle", "square", "star", "heart", "ring", "cube"),
    "music": ("drum", "flute", "harp", "piano", "guitar", "violin"),
}
UNANSWERED = "No information found."
NOT_UNDERSTOOD = "i did not understand"
GUIDE = (
    "the user has one hidden value in mind for each slot . write one action per turn . "
    "[action] which color ? asks the user for one slot . "
    "[answer] red small names one value per slot , in the order of the slots , and ends the talk ."
)
MOST_TASKS: dict[Split, int] = {"train": 4000, "test": 1000}
SHARES = {"none": 0.0, "some": 0.5, "all": 1.0}
ASK_REWARD = 0.2
SUCCESS_REWARD = 1.0
WEAK_ASKS = 0.5
WEAK_ASKS_AGAIN = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsOptions:
    """Keyword options of `make_env("toy/slots", ...)`; a bad value raises `UserError`.

    `slots` per task (1 to 8), `values` per slot (2 to 6). `reveal`: the share of slots that the opening states,
    rounded down to whole slots, or `none`, `some` (half), `all`. `unanswered`: chance that a question about a slot
    gets no answer. `max_turns` None: two turns a slot and two to spare. `difficulty` standard adds a system message
    that explains the actions. `reward` upstream pays 0.2 for each slot's first answer and 1.0 for success. `score`: the
    `share` of slots that the answer names right, or `all`, 1 where all are right and else 0.
    """

    slots: int = 2
    values: int = 4
    reveal: float | str = "none"
    unanswered: float = 0.0
    max_turns: int | None = None
    difficulty: str = "standard"
    reward: str = "outcome"
    score: str = "share"

    def __post_init__(self) -> None:
        _check_whole("slots", self.slots, 1, len(SLOTS))
        _check_whole("values", self.values, 2, 6)
        _check_share("unanswered", self.unanswered)
        if self.max_turns is not None:
            _check_whole("max_turns", self.max_turns, 1, None)
        words = {"difficulty": ["standard", "nano"], "reward": ["outcome", "upstream"], "score": ["share", "all"]}
        for name, known in words.items():
            if getattr(self, name) not in known:
                raise UnknownNameError(f"{name} of {ENV_ID}", str(getattr(self, name)), known)
        if isinstance(self.reveal, str):
            if self.reveal not in SHARES:
                raise UnknownNameError(f"reveal of {ENV_ID}", self.reveal, [*SHARES, "a share such as 0.5"])
        else:
            _check_share("reveal", self.reveal)

    @property
    def revealed_slots(self) -> int:
        """How many slots the opening states.

        >>> [SlotsOptions(slots=3, reveal=reveal).revealed_slots for reveal in ("none", 0.3, "some", 0.7, "all")]
        [0, 0, 1, 2, 3]
        """
        share = SHARES[self.reveal] if isinstance(self.reveal, str) else self.reveal
        return math.floor(share * self.slots + 1e-9)  # a share such as 2/3 may land just below a whole number

    @property
    def turn_limit(self) -> int:
        """The limit on executed steps."""
        return 2 * self.slots + 2 if self.max_turns is None else self.max_turns


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsTask:
    """The slots of one task, in the order of the opening, and their hidden values. Shapes: both `[slots]`."""

    slots: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def split(self) -> Split:
        """A fifth of all tasks is for testing. The order of the slots does not count, so a task and its
        reorderings are on one side, whatever the options."""
        pairs = sorted(f"{slot}={value}" for slot, value in zip(self.slots, self.values, strict=True))
        return "test" if derive_seed(ENV_ID, "split", *pairs) % 5 == 0 else "train"


class SlotsUser:
    """The scripted user: one slot a question; a slot that was answered once gets the same answer again.

    `stated`: slots that the opening has told. A question about one of the others may go unanswered.
    """

    def __init__(
        self, values: dict[str, str], *, stated: Set[str], unanswered: float, generator: random.Random
    ) -> None:
        self._values, self._stated, self._unanswered, self._random = values, stated, unanswered, generator
        self.answered: set[str] = set()

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The script needs only the request."""
        slot = self.asked(request)
        if slot is None:
            return UserReply(text=NOT_UNDERSTOOD)
        answer = f"it is {self._values[slot]}"
        if slot in self.answered:
            return UserReply(text=answer, repeated=True)
        if self._random.random() < self._unanswered:
            return UserReply(text=UNANSWERED)
        self.answered.add(slot)
        if slot in self._stated:
            return UserReply(text=answer)
        return UserReply(text=answer, revealed=(slot,), useful=True)

    def asked(self, request: str) -> str | None:
        """The slot of a question; None where it names none or several."""
        asked = {word for word in _words(request) if word in self._values}
        return asked.pop() if len(asked) == 1 else None


class SlotsEnv:
    """One episode. Score: the share of slots that the answer names right (or see option `score`). Success: all."""

    env_id = ENV_ID

    def __init__(
        self, task: SlotsTask, *, task_id: str, seed: int, options: SlotsOptions, user: str | None = None
    ) -> None:
        self.task_id = task_id
        self.max_turns = options.turn_limit
        self._task, self._options = task, options
        self._values = dict(zip(task.slots, task.values, strict=True))
        generator = derive_random(seed, ENV_ID, task_id)
        self._seed = derive_seed(seed, ENV_ID, task_id)
        stated = set(generator.sample(task.slots, options.revealed_slots))
        self._stated = tuple(slot for slot in task.slots if slot in stated)
        self._known = set(stated)
        self._script = SlotsUser(self._values, stated=stated, unanswered=options.unanswered, generator=generator)
        brief = "You have in mind " + ", ".join(f"{slot} {value}" for slot, value in self._values.items()) + "."
        self._user = make_user(user, self._script, task_id=task_id, seed=seed, brief=brief)
        self._messages: list[Message] = []
        self._named: tuple[str, ...] = ()
        self._turns = 0
        self._phase = "new"  # new, running, over

    async def start(self) -> Opening:
        """The slots, their possible values, and what the opening reveals; `RuntimeError` on a second call."""
        if self._phase != "new":
            raise RuntimeError(f"{self.task_id}: an environment starts once; make a new one for another episode")
        self._phase = "running"
        choices = " / ".join(" ".join(SLOTS[slot][: self._options.values]) for slot in self._task.slots)
        lines = [f"guess {' '.join(self._task.slots)} : {choices}"]
        lines += [f"my {slot} : {self._values[slot]}" for slot in self._stated]
        messages = [Message(role="user", content="\n".join(lines))]
        if self._options.difficulty == "standard":
            messages.insert(0, Message(role="system", content=GUIDE))
        self._messages += messages
        return Opening(
            messages=tuple(messages), hidden=tuple(slot for slot in self._task.slots if slot not in self._known)
        )

    async def step(self, action: Message) -> Step:
        """Execute one action; `RuntimeError` before the start and after the end."""
        if self._phase != "running":
            when = "has not started" if self._phase == "new" else "is over; make a new environment for another one"
            raise RuntimeError(f"{self.task_id}: the episode {when}")
        text, facts, reward = await self._execute(parse_action(action))
        self._turns += 1
        done = facts.kind == "act"
        truncated = not done and self._turns >= self.max_turns
        if done or truncated:
            self._phase = "over"
        replies = _replies(action, text)
        self._messages += [action, *replies]
        return Step(
            messages=replies,
            feedback_kind="none" if text is None else "user",
            reward=reward if self._options.reward == "upstream" else None,
            done=done,
            truncated=truncated,
            facts=facts,
        )

    async def alternatives(self, action: Message, draws: int) -> tuple[tuple[Message, ...], ...]:
        """See `Resampling`: an untold slot has each of its values equally likely, whatever the others are.

        (That a split holds only a hashed part of all combinations is not taken into account.)
        """
        if self._user is not self._script:
            raise UserError(f"{ENV_ID}: only the plain scripted user knows what else it could have said")
        parsed = parse_action(action)
        slot = self._script.asked(parsed.content) if parsed.choice == "action" else None
        if slot is None or slot in self._script.answered:
            return ()
        generator = derive_random(self._seed, "alternatives", self._turns)
        values = (self._values[slot],) if slot in self._known else SLOTS[slot][: self._options.values]

        def reply() -> str:
            silent = generator.random() < self._options.unanswered
            return UNANSWERED if silent else f"it is {generator.choice(values)}"

        return tuple(_replies(action, reply()) for _ in range(draws))

    async def outcome(self) -> Outcome:
        """What the answer is worth; without one, nothing."""
        share = self._count_right() / len(self._task.slots)
        score = share if self._options.score == "share" else float(share == 1)
        return Outcome(score=score, success=share == 1)

    async def close(self) -> None:
        """Nothing to release; no step is taken afterwards."""
        self._phase = "over"

    def reference_answer(self) -> str | None:
        """The hidden values in the order of the slots, such as `red small`."""
        return " ".join(self._task.values)

    def state_key(self) -> str | None:
        """Which slots are known, in whatever order they became so."""
        return "known:" + ",".join(slot for slot in self._task.slots if slot in self._known)

    async def _execute(self, action: Action) -> tuple[str | None, TurnFacts, float]:
        if action.choice == "action":
            reply = await self._user.reply(tuple(self._messages), action.content)
            self._known.update(reply.revealed)
            facts = TurnFacts(kind="ask", revealed=reply.revealed, repeated=reply.repeated, useful=reply.useful)
            return reply.text, facts, ASK_REWARD if reply.useful else 0.0
        if action.choice == "answer":
            self._named = tuple(_words(action.content))
            right = self._count_right()
            success = right == len(self._task.slots)
            return None, TurnFacts(kind="act", useful=success), SUCCESS_REWARD if success else 0.0
        return NOT_UNDERSTOOD, TurnFacts(kind="invalid"), 0.0

    def _count_right(self) -> int:
        if len(self._named) > len(self._task.slots):  # a list of all values is not an answer
            return 0
        return sum(named == value for named, value in zip(self._named, self._task.values, strict=False))


class SlotsExpert:
    """The scripted policy. `full` asks until it knows; `weak` asks too rarely and guesses the rest.

    Both use what they are told, and answer on the last turn whatever they know.
    """

    def __init__(self, kind: ExpertKind, *, seed: int, options: SlotsOptions) -> None:
        self._kind = kind
        self._turn_limit = options.turn_limit
        self._random = derive_random(seed, ENV_ID, "expert", kind)

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action for a dialogue; `ValueError` where it has no opening of this environment."""
        opening, choices = _read_opening(messages)
        known = {slot: value for slot, value in _read_stated(opening) if slot in choices}
        asked: list[str] = []
        silent = False
        for message in messages:
            if message.role == "assistant":
                asked += [word for word in _words(parse_action(message).content) if word in choices][:1]
            elif asked and message.role in ("user", "tool"):
                silent = message.content == UNANSWERED
                told = re.fullmatch(r"it is (\w+)", message.content)
                if told:
                    known[asked[-1]] = told[1]
        turns_left = self._turn_limit - sum(message.role == "assistant" for message in messages)
        slot = self._next_question(list(choices), known, asked, silent=silent) if turns_left > 1 else None
        if slot is not None:
            return f"[action] which {slot} ?"
        values = [known[slot] if slot in known else self._random.choice(choices[slot]) for slot in choices]
        return f"[answer] {' '.join(values)}"

    def _next_question(self, slots: list[str], known: dict[str, str], asked: list[str], *, silent: bool) -> str | None:
        if self._kind == "full":
            return next((slot for slot in slots if slot not in known), None)
        # the weak expert goes through the slots once; those before its last question have had their chance
        position = slots.index(asked[-1]) + 1 if asked else 0
        if silent and self._random.random() < WEAK_ASKS_AGAIN:
            return asked[-1]
        later = (slot for slot in slots[position:] if slot not in known)
        return next((slot for slot in later if self._random.random() < WEAK_ASKS), None)


@cache
def split_tasks(slots: int, values: int, split: Split) -> tuple[SlotsTask, ...]:
    """Distinct tasks of a split, at most `MOST_TASKS`, in a fixed scattered order."""
    orders = math.perm(len(SLOTS), slots)
    total = orders * values**slots
    stride = max(1, round(total * 0.618))
    while math.gcd(stride, total) != 1:  # coprime: index * stride visits every number below total once
        stride += 1
    tasks = (_task_of_number(index * stride % total, slots, values) for index in range(total))
    return tuple(islice((task for task in tasks if task.split == split), MOST_TASKS[split]))


def _task_of_number(number: int, slots: int, values: int) -> SlotsTask:
    """The task behind a number in mixed radix: one digit a slot word still free, then one digit a value."""
    free, chosen, hidden = list(SLOTS), [], []
    for _ in range(slots):
        number, digit = divmod(number, len(free))
        chosen.append(free.pop(digit))
    for slot in chosen:
        number, digit = divmod(number, values)
        hidden.append(SLOTS[slot][digit])
    return SlotsTask(slots=tuple(chosen), values=tuple(hidden))


def _read_opening(messages: tuple[Message, ...]) -> tuple[str, dict[str, tuple[str, ...]]]:
    """The opening and, from its first line, the possible values of each slot."""
    for message in messages:
        match = re.match(r"guess (.+) : (.+)", message.content)
        if message.role == "user" and match:
            groups = (tuple(group.split()) for group in match[2].split(" / "))
            return message.content, dict(zip(match[1].split(), groups, strict=True))
    raise ValueError(f"no opening of {ENV_ID} in {len(messages)} messages")


def _read_stated(opening: str) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in re.finditer(r"^my (\w+) : (\w+)$", opening, re.MULTILINE)]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _replies(action: Message, text: str | None) -> tuple[Message, ...]:
    """The user's text; to a tool call, as its result. Only the first call counts, but each one gets a result."""
    if text is None:
        return ()
    if not action.tool_calls:
        return (Message(role="user", content=text),)
    return tuple(
        Message(role="tool", content=NOT_UNDERSTOOD if k else text, tool_call_id=call.id, name=call.name)
        for k, call in enumerate(action.tool_calls)
    )


def _check_whole(name: str, value: object, least: int, most: int | None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise UserError(f"option {name} of {ENV_ID} must be a whole number, {limits}, got {value!r}")


def _check_share(name: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0.0 <= value <= 1.0:  # type: ignore[operator]
        raise UserError(f"option {name} of {ENV_ID} must be a number in [0, 1], got {value!r}")


def _num_tasks(split: Split, options: SlotsOptions) -> int:
    return len(split_tasks(options.slots, options.values, split))


def _build(task: int, split: Split, seed: int, user: str | None, options: SlotsOptions) -> SlotsEnv:
    # the id says nothing about the hidden values, so it may be shown beside a dialogue
    task_id = f"{ENV_ID}/{options.slots}x{options.values}/{split}/{task}"
    hidden = split_tasks(options.slots, options.values, split)[task]
    return SlotsEnv(hidden, task_id=task_id, seed=seed, options=options, user=user)


def _expert(kind: ExpertKind, seed: int, options: SlotsOptions) -> SlotsExpert:
    return SlotsExpert(kind, seed=seed, options=options)


def _canary(seed: int, options: SlotsOptions) -> Canary:
    """A task with values that are no words: whoever sees one has seen the hidden goal."""
    tasks = split_tasks(options.slots, options.values, "train")
    slots = tasks[seed % len(tasks)].slots
    values = tuple(f"zq{slot}zq" for slot in slots)
    task = SlotsTask(slots=slots, values=values)
    env = SlotsEnv(task, task_id=f"{ENV_ID}/canary/{seed}", seed=seed, options=options)
    hidden = {slot: (value,) for slot, value in zip(slots, values, strict=True) if slot not in env._stated}
    return Canary(env=env, secrets=hidden)


SPEC = EnvSpec(
    env_id=ENV_ID,
    summary="ask or guess: one hidden value per slot",
    options=SlotsOptions,
    num_tasks=_num_tasks,
    build=_build,
    expert=_expert,
    canary=_canary,
)
