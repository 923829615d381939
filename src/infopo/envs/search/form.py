"""The published answer tags: reading an action that uses them, and whether the form of an episode is right."""

import re
from collections.abc import Sequence

from infopo.core import Message
from infopo.envs.base import Action, parse_action

_ACTION = re.compile(r"<(search|answer)>(.*?)</\1>", re.DOTALL)
_TURN = re.compile(r"\s*<think>.*?</think>\s*<(search|answer)>.*?</\1>\s*", re.DOTALL)
_TAGS = ("think", "search", "answer")


def read_published(message: Message) -> Action:
    """The first whole `<search>` or `<answer>` after the thought, or the equal tool call; `choice` None: neither.

    >>> read_published(Message(role="assistant", content="<think>hm</think> <search> Oldmere </search>"))
    Action(choice='search', content='Oldmere')
    """
    if message.tool_calls:
        return parse_action(message)
    text = message.content.rpartition("</think>")[2]  # as published, also of a thought that never ends
    found = _ACTION.search(text)
    if found is None:
        return Action(choice=None, content=text.strip())
    return Action(choice=found[1], content=found[2].strip())


def balanced(actions: Sequence[str]) -> bool:
    """Whether every tag is closed as often as it is opened (IGPO).

    >>> balanced(["<think>a</think><search>b</search>", "<answer>c"])
    False
    """
    text = "".join(actions)
    return all(text.count(f"<{tag}>") == text.count(f"</{tag}>") for tag in _TAGS)


def valid_form(actions: Sequence[str]) -> bool:
    """Whether every turn is one thought and one action, nothing else, and the last one answers (Search-R1).

    >>> valid_form(["<think>a</think> <search>b</search>", "<think>c</think> <answer>d</answer>"])
    True
    >>> valid_form(["<answer>d</answer>"]), valid_form(["<think>a</think> hm <answer>d</answer>"])
    (False, False)
    """
    kinds = [_TURN.fullmatch(text) for text in actions]
    single = all(
        text.count("<think>") == 1 and text.count("<search>") + text.count("<answer>") == 1 for text in actions
    )
    return single and balanced(actions) and all(kinds) and bool(kinds) and kinds[-1][1] == "answer"  # type: ignore[index]
