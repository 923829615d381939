"""`webshop/small`: the catalogue, the search engine, pages and buttons, what a purchase is worth."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from infopo.core import Message
from infopo.envs import make_env
from infopo.envs.webshop import WebShopEnv, WebShopOptions, words
from infopo.envs.webshop.bank import Task, make_task, num_tasks, products_of
from infopo.envs.webshop.catalogue import Engine, Product, catalogue, engine
from infopo.envs.webshop.env import read_shop_action
from infopo.envs.webshop.purchase import worth
from infopo.envs.webshop.rewards import matched_attributes, matched_options

Play = Callable[..., Any]
SHOP = "webshop/small"
DIFFICULTIES = ("standard", "nano")
every_difficulty = pytest.mark.parametrize("difficulty", DIFFICULTIES)


def task_of(index: int, difficulty: str = "standard") -> Task:
    return make_task(index, "train", WebShopOptions(difficulty=difficulty))


def buying(task: Task) -> list[str]:
    """The actions that buy the product that the wish was made from."""
    wish = task.wish
    clicks = [task.product.id, *wish.options.values(), "buy now"]
    return [f"[search] {task.product.title}", *(f"[action] {click}" for click in clicks)]


@every_difficulty
def test_the_catalogue_has_a_thousand_products_with_attributes_options_and_prices(difficulty: str) -> None:
    products = catalogue(difficulty)
    assert len(products) >= 1000
    assert all(name == product.id for name, product in products.items())
    for product in products.values():
        assert len(set(product.attributes)) == len(product.attributes) >= 3
        assert all(len(set(values)) == len(values) >= 2 for values in product.options.values())
        assert len(product.options) == 2
        assert product.price > 0
        assert all(one in product.text.lower() for one in product.attributes)
        assert not all(one in product.title.lower() for one in product.attributes)


@pytest.mark.parametrize("department", words.STANDARD + words.NANO, ids=lambda department: department.name)
def test_no_two_attributes_or_values_pass_for_each_other(department: words.Department) -> None:
    for one, other in combinations(department.attributes, 2):
        assert not matched_attributes([one], [other], other), (one, other)
        assert not matched_attributes([other], [one], one), (one, other)
    for name, values in department.options:
        for one, other in combinations(values, 2):
            assert not matched_options({name: one}, {name: other}), (one, other)


@every_difficulty
def test_train_and_test_share_no_product(difficulty: str) -> None:
    train, test = (set(products_of(split, difficulty)) for split in ("train", "test"))  # type: ignore[arg-type]
    assert not train & test
    assert train | test == set(catalogue(difficulty))
    options = WebShopOptions(difficulty=difficulty)
    assert {make_task(index, "test", options).product.id for index in range(200)} <= test
    assert {make_task(index, "train", options).product.id for index in range(200)} <= train


@every_difficulty
def test_no_test_wish_is_a_training_wish(difficulty: str) -> None:
    options = WebShopOptions(difficulty=difficulty)
    trained = {repr(make_task(index, "train", options).wish) for index in range(num_tasks("train", options))}
    asked = {repr(make_task(index, "test", options).wish) for index in range(num_tasks("test", options))}
    assert not trained & asked


def test_the_engine_ranks_rare_words_first_and_finds_nothing_for_others() -> None:
    texts = ("red lamp", "red chair", "blue lamp", "red rug with a very long text about rugs")
    products = [replace(next(iter(catalogue("nano").values())), id=text, title=text, bullets=()) for text in texts]
    find = Engine(products).find
    assert [one.id for one in find("BLUE lamp!")] == ["blue lamp", "red lamp"]
    assert find("red")[-1].id == texts[3]
    assert find("zeppelin") == find("") == find("?!") == ()


@every_difficulty
def test_a_wish_is_found_by_its_own_words_on_the_first_page_or_two(difficulty: str) -> None:
    first = 0
    for index in range(100):
        task = task_of(index, difficulty)
        found = engine(difficulty).find(" ".join([*task.wish.attributes, task.wish.kind]))
        first += task.product in found[: 2 * WebShopOptions(difficulty=difficulty).results_a_page]
    assert first >= 90


@every_difficulty
def test_every_wish_can_be_fulfilled(play: Play, difficulty: str) -> None:
    for index in range(100):
        task = task_of(index, difficulty)
        assert worth(task, task.product, task.wish.options) == 1.0
        assert task.product.price <= task.wish.limit
    dialogue = play(make_env(SHOP, task=5, difficulty=difficulty, reward="upstream"), buying(task_of(5, difficulty)))
    assert [step.reward for step in dialogue.steps] == [0, 0, 0, 0, 1]
    assert [step.facts.kind for step in dialogue.steps] == ["search", "search", "act", "act", "act"]
    assert dialogue.outcome.success


def other(task: Task, wanted: Callable[[Product], bool]) -> Product:
    return next(one for one in catalogue(task.difficulty).values() if one.id != task.product.id and wanted(one))


def test_a_purchase_is_worth_what_the_formula_says() -> None:
    task = next(task for task in map(task_of, range(50)) if len(task.wish.attributes) == 2)
    wish, options = task.wish, dict(task.wish.options)
    one = dict(list(options.items())[:1])
    assert worth(task, task.product, {}) == pytest.approx(3 / 5)
    assert worth(task, task.product, one) == pytest.approx(4 / 5)
    assert worth(task, replace(task.product, price=wish.limit + 1), options) == pytest.approx(4 / 5)
    plain = replace(task.product, attributes=(), title=wish.kind, bullets=(), description="")
    assert worth(task, plain, options) == pytest.approx(3 / 5)
    assert worth(task, other(task, lambda one: one.kind != wish.kind), options) == 0.0


def test_buying_at_once_is_worth_part_and_no_success(play: Play) -> None:
    task = task_of(7)
    dialogue = play(make_env(SHOP, task=7), [buying(task)[0], f"[action] {task.product.id}", "[action] buy now"])
    assert dialogue.steps[-1].done
    assert [step.reward for step in dialogue.steps] == [None] * 3
    assert 0 < dialogue.outcome.score < 1
    assert not dialogue.outcome.success


@pytest.mark.parametrize(
    ("text", "choice", "content"),
    [
        ("search[red shoes]", "search", "red shoes"),
        ("click[W0001]", "action", "W0001"),
        ("<think>so</think> Click[ Next > ]", "action", "Next"),
        ("[action] click[< Prev]", "action", "Prev"),
        ("[action] search[tea]", "search", "tea"),
        ("[search] tea", "search", "tea"),
        ("buy it", None, "buy it"),
        ("[answer] click[x]", "answer", "click[x]"),
    ],
)
def test_actions_as_published_and_with_the_common_tags(text: str, choice: str | None, content: str) -> None:
    action = read_shop_action(Message(role="assistant", content=text))
    assert (action.choice, action.content) == (choice, content)


def test_the_published_form_buys_as_well(play: Play) -> None:
    task = task_of(2)
    clicks = [task.product.id.lower(), *task.wish.options.values(), "Buy Now"]
    actions = [f"search[{task.product.title}]", *(f"click[{click}]" for click in clicks)]
    assert play(make_env(SHOP, task=2), actions).outcome.success


def test_results_come_in_pages_of_ten_that_can_be_turned(play: Play) -> None:
    actions = ["[search] lamp", "[action] next", "[action] prev", "[action] prev", "[action] back to search"]
    dialogue = play(make_env(SHOP, task=0), actions)
    pages = [[line.split()[0] for line in reply.split("\n") if ", $" in line] for reply in dialogue.replies]
    assert [len(page) for page in pages] == [10, 10, 10, 10, 0]
    assert pages[0] == pages[2] != pages[1]
    assert not set(pages[0]) & set(pages[1])
    assert [step.facts.repeated for step in dialogue.steps] == [False, False, True, False, True]
    assert [step.facts.kind for step in dialogue.steps] == ["search", "search", "search", "invalid", "search"]
    assert "no button prev" in dialogue.replies[3]


def test_at_most_fifty_results() -> None:
    assert len(engine("standard").find("free collection home black")) == 50


def test_the_pages_of_a_product_and_a_changed_mind(play: Play) -> None:
    task = task_of(0)
    name, values = next(iter(task.product.options.items()))
    actions = [buying(task)[0], f"[action] {task.product.id}", "[action] features", "[action] buy now", "[action] prev"]
    dialogue = play(make_env(SHOP, task=0), [*actions, *(f"[action] {value}" for value in values[:2])])
    assert dialogue.replies[2].startswith(f"- {task.product.bullets[0]}")
    assert dialogue.steps[3].facts.kind == "invalid"  # the page of features sells nothing
    assert f"${task.product.price}" in dialogue.replies[4]
    assert f"{name.capitalize()}: {' | '.join(values)} (chosen: {values[0]})" in dialogue.replies[5]
    assert f"(chosen: {values[1]})" in dialogue.replies[6]
    assert f"(chosen: {values[0]})" not in dialogue.replies[6]


def test_leaving_a_product_forgets_its_options(play: Play) -> None:
    task = task_of(0)
    search, product, *options, buy = buying(task)
    dialogue = play(make_env(SHOP, task=0), [search, product, *options, "[action] prev", product, buy])
    assert dialogue.steps[-1].done
    assert not dialogue.outcome.success


def test_nano_word_for_word(play: Play) -> None:
    task = task_of(0, "nano")
    product, wish = task.product, task.wish
    color, size = wish.options.values()
    dialogue = play(make_env(SHOP, task=0, difficulty="nano"), buying(task))
    wanted = f"want {' '.join(wish.attributes)} {wish.kind} color {color} size {size} most {wish.limit}"
    assert dialogue.opening.messages[0].content == wanted
    assert dialogue.replies[0].startswith("found\n")
    assert f"{product.title} {product.price} {product.id}" in dialogue.replies[0]
    assert len(dialogue.replies[0].split("\n")) == 4
    sizes = " ".join(product.options["size"])
    assert dialogue.replies[1:] == [
        f"item {' '.join(product.attributes)} color {' '.join(product.options['color'])} size {sizes}",
        f"chosen {color} size {sizes}",
        f"chosen {color} {size}",
        "bought",
    ]


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_state_key_is_the_page_not_the_way_to_it(play: Play, index: int, order: tuple[int, int]) -> None:
    task = task_of(index)
    env, straight = (WebShopEnv(task, options=WebShopOptions()) for _ in range(2))
    search, product, *options, _ = buying(task)
    play(env, [search, product, "[action] features", "[action] prev", *(options[k] for k in order)])
    play(straight, [search.upper().replace("[SEARCH]", "[search]"), product, *options])
    assert env.state_key() == straight.state_key()
    assert task.product.id in str(env.state_key())


def test_the_limit_ends_a_visit_without_a_purchase(play: Play) -> None:
    dialogue = play(make_env(SHOP, task=0), ["[search] lamp"] * 9)
    assert dialogue.steps[-1].truncated
    assert [step.facts.repeated for step in dialogue.steps] == [False] + [True] * 8
    assert dialogue.outcome.score == 0
