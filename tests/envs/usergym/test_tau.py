"""`usergym/tau`: the bank, tools and their errors, the customer, what is scored, both modes, upstream files."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infopo.core import UserError
from infopo.envs import make_env, make_expert
from infopo.envs.usergym.tau import from_upstream, load_records, record_of
from infopo.envs.usergym.tau.bank import make_task, split_of
from infopo.envs.usergym.tau.case import Case, replayed
from infopo.envs.usergym.tau.domains import DOMAINS
from infopo.envs.usergym.tau.options import TauOptions
from infopo.envs.usergym.tau.task import Task
from infopo.envs.usergym.tau.tools import Call, ToolError, described, execute, read_call
from infopo.envs.usergym.tau.words import asked, named
from infopo.testing import check_env
from infopo.users import RecordedChat

TAU = "usergym/tau"
Play = Callable[..., Any]
every_difficulty = pytest.mark.parametrize("difficulty", ["standard", "nano"])


def task_with(request: str, *, gold: bool = True, domain: str = "retail", difficulty: str = "nano") -> tuple[int, Task]:
    """The first training task of a customer with that request."""
    options = TauOptions(difficulty=difficulty, domain=domain)
    for index in range(500):
        task = make_task(index, "train", options)
        if task.draft.facts["request"] == request and bool(task.draft.gold) is gold:
            return index, task
    raise AssertionError(request)


def case_of(task: Task, *, loose: bool = False) -> Case:
    return Case(task.draft, DOMAINS[task.domain].tools, loose=loose)


def look(task: Task, order: str) -> Call:
    retail = task.domain == "retail"
    return Call(
        name="get_order" if retail else "get_booking", arguments={"order_id" if retail else "booking_id": order}
    )


def look_at_the_order(case: Case, task: Task) -> None:
    case.execute(look(task, task.draft.about))


@every_difficulty
def test_train_and_test_share_no_case_and_every_wish_can_be_met(difficulty: str) -> None:
    options = TauOptions(difficulty=difficulty)
    seen: dict[str, set[str]] = {}
    wishes: Counter[tuple[str, str, bool]] = Counter()
    for split in ("train", "test"):
        drafts = set()
        for index in range(200):
            task = make_task(index, split, options)
            draft = task.draft
            assert split_of(draft) == split
            assert (replayed(draft, DOMAINS[task.domain].tools) != draft.database) is bool(draft.gold)
            assert bool(draft.gold) is not bool(draft.outputs)
            drafts.add(json.dumps(record_of(task)["database"], sort_keys=True))
            seen.setdefault(split, set()).add(str(draft.facts))
            wishes[task.domain, draft.facts["request"], bool(draft.gold)] += 1
        assert len(drafts) == 200
    assert not seen["train"] & seen["test"]
    assert len(wishes) == 12
    assert min(wishes.values()) >= 8


@every_difficulty
def test_a_name_alone_does_not_find_the_customer(difficulty: str) -> None:
    for index in range(20):
        draft = make_task(index, "train", TauOptions(difficulty=difficulty)).draft
        called = [key for key, user in draft.database["users"].items() if user["name"] == draft.facts["name"]]
        assert len(called) > 1
        assert [key for key in called if draft.database["users"][key]["zip"] == draft.facts["zip"]] == [draft.user_id]


def test_what_fits_the_facts_is_unique() -> None:
    """Nobody has two orders of one product, or two flights of one day, to choose from."""
    for index in range(200):
        draft = make_task(index, "train", TauOptions()).draft
        database = draft.database
        if "orders" in database:
            orders = [database["orders"][key] for key in database["users"][draft.user_id]["orders"]]
            products = [database["items"][item]["product"] for order in orders for item in order["items"]]
            assert products.count(draft.facts["product"]) == 1
        else:
            flights = Counter(tuple(flight.values()) for flight in database["flights"].values())
            assert max(flights.values()) == 1


@every_difficulty
def test_who_never_reads_or_asks_scores_next_to_nothing(play: Play, difficulty: str) -> None:
    """The refusals fall to the one who always refuses; that is all."""
    scripts = (
        ["[finish]"],
        ["[action] It is done.", "[finish]"],
        ["[action] no insurance .", "[action] it is delivered .", "[action] it was 512 .", "[finish]"],
        ["[answer] transfer x", '[answer] {"name": "transfer", "arguments": {"summary": "x"}}', "[finish]"],
    )
    for script in scripts:
        scores = [play(make_env(TAU, task=k, difficulty=difficulty), list(script)).outcome.score for k in range(200)]
        assert sum(scores) / 200 < 0.2


DATABASE: dict[str, Any] = {
    "users": {"1": {"name": "ann", "zip": "12", "payments": ["card"], "orders": ["2", "3"]}},
    "items": {
        "4": {"product": "lamp", "color": "red", "price": 500},
        "5": {"product": "lamp", "color": "blue", "price": 600},
        "6": {"product": "chair", "color": "blue", "price": 700},
    },
    "orders": {
        "2": {"user_id": "1", "status": "pending", "city": "rome", "items": ["4"]},
        "3": {"user_id": "1", "status": "delivered", "city": "rome", "items": ["6"]},
    },
}
FLIGHTS: dict[str, Any] = {
    "users": DATABASE["users"],
    "flights": {
        "4": {"origin": "rome", "destination": "paris", "day": "monday"},
        "5": {"origin": "rome", "destination": "oslo", "day": "monday"},
    },
    "bookings": {
        key: {
            "user_id": "1",
            "flight_id": "4",
            "status": status,
            "cabin": cabin,
            "bags": 1,
            "insured": "no",
            "price": 9,
        }
        for key, status, cabin in (("2", "booked", "basic"), ("3", "cancelled", "economy"))
    },
}


@pytest.mark.parametrize(
    ("domain", "text", "what"),
    [
        ("retail", "find_user ann 13", "no such user"),
        ("retail", "get_order 9", "no order 9"),
        ("retail", "cancel_order 3 late", "not pending"),
        ("retail", "cancel_order 2 boredom", "reason must be one of: mistake late unwanted"),
        ("retail", "change_item 2 6 5", "does not hold"),
        ("retail", "change_item 2 4 6", "another product"),
        ("retail", "return_item 2 4 card", "not delivered"),
        ("retail", "return_item 3 6 gift", "no such payment"),
        ("retail", "list_items boat", "no product boat"),
        ("retail", "get_order", "takes 1 words"),
        ("retail", 'get_order: {"order": "2"}', "no argument order"),
        ("retail", 'get_order: {"order_id": 2}', "order_id must be a text"),
        ("retail", '{"name": "get_order"}', "needs the argument order_id"),
        ("retail", '{"name": "drop", "arguments": {}}', "unknown tool drop"),
        ("retail", '{"name": ["x"], "arguments": {}}', "no tool call"),
        ("retail", "{broken}", "no tool call"),
        ("retail", "get_order: {broken", "no tool call"),
        ("retail", "please", "no tool call"),
        ("airline", "set_bags 2 0", "bags must be from 1 to 4"),
        ("airline", "set_bags 2 many", "bags must be a whole number"),
        ("airline", "set_bags 3 2", "the booking is cancelled"),
        ("airline", "change_flight 2 5", "between other cities"),
        ("airline", "change_flight 2 4", "basic booking"),
        ("airline", "list_flights paris rome", "no such flights"),
    ],
)
def test_a_wrong_call_is_explained_and_changes_nothing(domain: str, text: str, what: str) -> None:
    database = DATABASE if domain == "retail" else FLIGHTS
    before = json.dumps(database)
    tools = DOMAINS[domain].tools
    with pytest.raises(ToolError, match=what):
        execute(read_call(text, tools, nano=True), database, tools)
    assert json.dumps(database) == before


def test_a_call_can_be_written_in_three_ways_and_as_words_only_at_nano() -> None:
    tools = DOMAINS["retail"].tools
    wanted = Call(name="get_order", arguments={"order_id": "2"})
    texts = ['{"name": "get_order", "arguments": {"order_id": "2"}}', 'get_order: {"order_id": "2"}', "get_order 2"]
    assert [read_call(text, tools, nano=True) for text in texts] == [wanted] * 3
    assert [wanted.text(nano=False), wanted.text(nano=True)] == [texts[0], texts[2]]
    for text in (texts[2], 'get_order {"order_id": "2"}'):
        with pytest.raises(ToolError):
            read_call(text, tools, nano=False)


def test_the_bare_list_of_tools_has_no_types() -> None:
    tools = DOMAINS["airline"].tools
    assert "bags (whole number)" in described(tools, bare=False)
    assert "one of basic, economy, business" in described(tools, bare=False)
    assert "(" not in described(tools, bare=True)
    assert all(tool in described(tools, bare=True) for tool in tools)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("May I have your full name and your postal code?", ["name", "zip"]),
        ("Who am I speaking to?", ["name"]),
        ("How may I assist you today?", ["request"]),
        ("Why do you want that?", ["reason", "request"]),
        ("Where to shall the money go back: which payment method?", ["city", "payment"]),
        ("How many suitcases are there?", ["bags"]),
        ("I cannot do that, your order is delivered.", []),
        ("Hello?", []),
    ],
)
def test_what_a_question_is_about(text: str, wanted: list[str]) -> None:
    assert asked(text) == wanted


def test_what_a_text_names() -> None:
    assert named("bags", "I need 3 bags, order 4") == ["3"]
    assert named("request", "return_item 204") == ["return"]
    assert named("payment", "Gift card or credit card?") == ["gift", "card"]


def test_the_customer_answers_what_is_asked_and_no_more(play: Play) -> None:
    index, task = task_with("recolor")
    facts = task.draft.facts
    asks = ["[action] which color ?", "[action] your name and your zip ?", "[action] why ?", "[action] which color ?"]
    dialogue = play(make_env(TAU, task=index, domain="retail", difficulty="nano"), asks)
    assert dialogue.replies == [
        f"in {facts['color']}",
        f"name {facts['name']} zip {facts['zip']}",
        "no wish there",
        f"in {facts['color']}",
    ]
    assert [step.facts.revealed for step in dialogue.steps] == [("color",), ("name", "zip"), (), ()]
    assert [step.facts.repeated for step in dialogue.steps] == [False, False, False, True]


def test_the_customer_confirms_what_fits_and_corrects_what_does_not(play: Play) -> None:
    index, task = task_with("return")
    facts, call = task.draft.facts, task.draft.gold[0]
    other = "card" if facts["payment"] != "card" else "gift"
    wrong_order = next(key for key in task.draft.database["orders"] if key != call.arguments["order_id"])
    proposals = [
        f"[action] {call.text(nano=True)} ok ?",
        f"[action] return_item {call.arguments['order_id']} to your {other} ok ?",
        f"[action] shall i cancel the {facts['product']} ?",
        f"[action] shall i return order {wrong_order} ?",
        "[action] is that right ?",
    ]
    dialogue = play(make_env(TAU, task=index, domain="retail", difficulty="nano"), proposals)
    assert dialogue.replies == [
        "yes",
        f"no on my {facts['payment']}",
        "no i want return",
        "no another one",
        "i did not understand",
    ]
    assert dialogue.steps[1].facts.revealed == ("payment",)
    assert dialogue.steps[2].facts.revealed == ("request",)


def test_the_customer_leaves_when_everything_is_done_and_not_before(play: Play) -> None:
    index, task = task_with("move")
    call = task.draft.gold[0].text(nano=True)
    actions = ["[action] done", f"[answer] {call}", "[action] your name ?", "[action] anything else ?"]
    dialogue = play(make_env(TAU, task=index, domain="retail", difficulty="nano", reward="upstream"), actions)
    assert dialogue.replies[0] == "not yet"
    assert "###stop###" in dialogue.replies[3]
    assert [step.done for step in dialogue.steps] == [False, False, False, True]
    assert [step.reward for step in dialogue.steps] == [0.0, 0.0, 0.0, 1.0]
    assert dialogue.steps[1].facts.useful
    assert dialogue.outcome.success


def test_one_write_too_many_spoils_the_database(play: Play) -> None:
    index, task = task_with("cancel", domain="airline")
    call = task.draft.gold[0]
    other = next(key for key in task.draft.database["bookings"] if key != call.arguments["booking_id"])
    actions = [f"[answer] set_bags {other} 4", f"[answer] {call.text(nano=True)}", "[action] done"]
    dialogue = play(make_env(TAU, task=index, domain="airline", difficulty="nano"), actions)
    assert dialogue.steps[2].done
    assert dialogue.outcome.score == 0.0


def test_a_price_is_told_alone_unless_outputs_are_loose() -> None:
    _, task = task_with("price", gold=False)
    (price,) = task.draft.outputs
    others = [str(item["price"]) for item in task.draft.database["items"].values()]
    listed = f"It is one of {' '.join(others)}."
    for text, strict, loose in (
        (f"It was {price} dollars, for order 204.", True, True),
        (listed, False, True),
        (f"Was it {price}?", False, True),
        (f"1{price}", False, True),
        ("I do not know.", False, False),
    ):
        cases = case_of(task), case_of(task, loose=True)
        for case in cases:
            look_at_the_order(case, task)
            case.hear(text)
        assert [case.right for case in cases] == [strict, loose]


@pytest.mark.parametrize("domain", ["retail", "airline"])
@every_difficulty
def test_who_lists_all_excuses_and_looks_at_nothing_has_told_nothing(play: Play, domain: str, difficulty: str) -> None:
    options = {"domain": domain, "difficulty": difficulty}
    excuse = {"retail": "[action] It is delivered.", "airline": "[action] There is no insurance."}[domain]
    excuses = [excuse] * 2
    scores = [play(make_env(TAU, task=task, **options), excuses).outcome.score for task in range(100)]
    assert sum(scores) == 0
    _, task = task_with("cancel", gold=False, domain=domain)
    case = case_of(task)
    for key in task.draft.database["orders" if domain == "retail" else "bookings"]:
        if key != task.draft.about:
            case.execute(look(task, key))
    case.hear(excuse)
    assert not case.informed, "of others, or another one of the same customer"
    look_at_the_order(case, task)
    case.hear("It is delivered, and there is no insurance.")
    assert not case.informed, "all excuses that there are"
    case.hear(excuse)
    assert case.informed


def test_a_refusal_must_say_why_and_the_forbidden_write_fails(play: Play) -> None:
    index, task = task_with("cancel", gold=False, domain="airline")
    facts, options = task.draft.facts, {"domain": "airline", "difficulty": "nano"}
    booking = next(
        key
        for key in task.draft.database["users"][task.draft.user_id]["orders"]
        if task.draft.database["flights"][task.draft.database["bookings"][key]["flight_id"]]["destination"]
        == facts["destination"]
    )
    actions = [f"[answer] get_booking {booking}", "[action] sorry no", "[action] there is no insurance"]
    refused = play(make_env(TAU, task=index, **options), actions)
    assert [step.done for step in refused.steps] == [False, False, True]
    assert refused.outcome.success
    done = play(
        make_env(TAU, task=index, **options), [f"[answer] cancel_booking {booking} {facts['reason']}", "[finish]"]
    )
    assert "cancelled" in done.replies[0]  # the tool does not stop the agent; the policy does
    assert done.outcome.score == 0.0


@pytest.mark.parametrize("mode", ["fixed", "upstream"])
def test_finishing_and_the_limit_are_judged_only_in_mode_fixed(play: Play, mode: str) -> None:
    index, task = task_with("move")
    options = {"domain": "retail", "difficulty": "nano", "mode": mode, "reward": "upstream"}
    call = f"[answer] {task.draft.gold[0].text(nano=True)}"
    finished = play(make_env(TAU, task=index, **options), [call, "[finish]"])
    cut = play(make_env(TAU, task=index, max_turns=2, **options), [call, "[search] help"])
    for dialogue in (finished, cut):
        assert dialogue.outcome.success is (mode == "fixed")
        assert dialogue.steps[1].reward == float(mode == "fixed")
    left = play(make_env(TAU, task=index, max_turns=2, **options), [call, "[action] done"])
    assert left.outcome.success
    assert left.steps[1].done
    assert left.steps[1].truncated is (mode == "upstream")


@every_difficulty
def test_mode_upstream_keeps_to_the_protocol(difficulty: str) -> None:
    assert all(finding.problems == () for finding in check_env(TAU, mode="upstream", difficulty=difficulty))


@every_difficulty
def test_the_opening_states_half_or_all_of_what_the_customer_knows(difficulty: str) -> None:
    for index in range(20):
        facts = make_task(index, "train", TauOptions(difficulty=difficulty)).draft.facts
        some, known = (
            make_task(index, "train", TauOptions(difficulty=difficulty, reveal=one)) for one in ("some", "all")
        )
        assert len(some.told) == len(facts) // 2
        assert known.hidden == ()


@every_difficulty
def test_the_policy_is_shown_only_in_mode_fixed(difficulty: str) -> None:
    def opening(index: int, seed: int, mode: str) -> str:
        env = make_env(TAU, task=index, seed=seed, mode=mode, difficulty=difficulty)
        return " ".join(message.content for message in asyncio.run(env.start()).messages)

    for index in range(4):
        policy = DOMAINS[("retail", "airline")[index % 2]].policy[difficulty]
        assert policy in opening(index, 0, "fixed")
        assert policy not in opening(index, 0, "upstream")
    if difficulty == "standard":
        assert len({opening(0, seed, "fixed") for seed in range(9)}) > 1
        assert len({opening(0, seed, "upstream") for seed in range(9)}) == 1  # recorded once


def test_tools_are_listed_once_and_a_call_may_talk_or_end(play: Play) -> None:
    actions = [
        "[search] Tools",
        "[search] tools",
        "[search] orders",
        '[answer] {"name": "respond", "arguments": {"content": "What is your name?"}}',
        '[answer] {"name": "transfer", "arguments": {"summary": "cannot"}}',
    ]
    dialogue = play(make_env(TAU, task=0, reward="upstream"), actions)
    assert "find_user" in dialogue.replies[0]
    assert "find_user" not in dialogue.replies[1]
    assert dialogue.steps[3].facts.revealed == ("name",)
    assert dialogue.steps[3].feedback_kind == "user"
    assert dialogue.steps[4].done
    assert dialogue.steps[4].reward == 0.0
    assert play(make_env(TAU, task=0, mode="upstream"), ["[Search] tools"]).steps[0].facts.kind == "invalid"


@pytest.mark.parametrize("persona", ["terse", "chatty", "forgetful", "changes-mind", "off-topic", "rephrased"])
def test_experts_come_along_with_every_persona(play: Play, persona: str) -> None:
    scores = []
    for index in range(20):
        env = make_env(TAU, task=index, seed=index, user=f"scripted:{persona}", max_turns=30)
        scores.append(play(env, make_expert(TAU, "full", seed=index).act).outcome.score)
    assert sum(scores) >= 16


def record(**changes: Any) -> dict[str, Any]:
    """A task of our own in the published form."""
    _, task = task_with("move", difficulty="standard")
    return json.loads(json.dumps(record_of(task))) | changes


def test_the_published_gym_plays_a_record_with_a_model_as_customer(play: Play) -> None:
    given = record()
    (action,) = given["info"]["task"]["actions"]
    call = json.dumps({"name": action["name"], "arguments": action["kwargs"]})
    chat = RecordedChat(["Hi.", "I have moved.", None, "Great. ###STOP###"])
    actions = ["[action] Hello?", "[action] I see.", f"[answer] {call}", "[action] Done."]
    dialogue = play(from_upstream(given, {"max_steps": 16}, chat), actions)
    assert chat.remaining == 0
    assert dialogue.opening.messages[-1].content == given["obs"]
    assert dialogue.replies[0] == "I have moved."
    assert [step.reward for step in dialogue.steps] == [0.0, 0.0, 0.0, 1.0]
    assert dialogue.steps[3].done
    assert given["info"]["task"]["instruction"] in chat.asked[0][0].content
    assert given["info"]["task"]["instruction"] not in str(dialogue.transcript)


def test_every_task_of_ours_survives_the_published_form() -> None:
    for index in range(30):
        task = make_task(index, "test", TauOptions())
        env = from_upstream(record_of(task), {}, RecordedChat([]))
        assert env.reference_answer() == task.reference(nano=False)
        assert env.task_id == task.task_id
        assert replace(task, draft=replace(task.draft, facts={})).hidden == ()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"obs": None}, "field 'obs'"),
        ({"info": {"task": {"user_id": "x", "actions": [3]}}}, "info.task, action 0"),
        ({"info": {"task": {"user_id": "x", "actions": [], "outputs": [3]}}}, "field 'outputs' must hold texts"),
        ({"id": "sea-1"}, "names none of the domains"),
        ({"id": "usergym/tau/standard/train/retail-0"}, None),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, change: dict[str, Any], what: str | None) -> None:
    path = tmp_path / "tau.json"
    path.write_text(json.dumps([record(id="retail-000"), record(id="retail-001") | change]))
    if what is None:
        assert len(load_records(path)) == 2
        return
    with pytest.raises(UserError, match=f"tau.json, record 1.*{what}"):
        load_records(path)
    path.write_text(json.dumps([record(), record()]))
    with pytest.raises(UserError, match="is there twice"):
        load_records(path)


def test_a_record_that_does_not_fit_its_database_is_refused() -> None:
    given = record()
    database = given["database"]
    with pytest.raises(UserError, match="that of the published tasks is not here"):
        from_upstream({name: value for name, value in given.items() if name != "database"}, {}, RecordedChat([]))
    with pytest.raises(UserError, match="field 'items' is missing"):
        from_upstream(record(database={"users": database["users"]}), {}, RecordedChat([]))
    with pytest.raises(UserError, match="users 'x' has no field 'name'"):
        from_upstream(record(database=database | {"users": {"x": {}}}), {}, RecordedChat([]))
    with pytest.raises(UserError, match="field 'actions' does not fit the database: no order"):
        from_upstream(record(database=database | {"orders": {}}), {}, RecordedChat([]))


def test_the_published_tasks_load(upstream_file: Callable[[str], Path]) -> None:
    train = load_records(upstream_file("TauGym/tau_train.json"))
    test = load_records(upstream_file("TauGym/tau_test.json"))
    assert (len(train), len(test)) == (500, 165)
    kinds = Counter(one["id"].rpartition("-")[0] for one in (*train, *test))
    assert kinds == {"retail-train": 500, "retail": 115, "airline": 50}
    assert all(one["obs"] for one in (*train, *test))
    with pytest.raises(UserError, match="'database' is missing"):
        from_upstream(test[0], {}, RecordedChat([]))
