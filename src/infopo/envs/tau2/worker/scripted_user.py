"""The customer without a language model: says and does what the task's ground truth allows, when the agent asks.

Opens with the reason for the call; tells what is known, then the instructions, one an agent's text; does on the phone
what the ground truth has the customer do, once the agent names it and has done its own part before; leaves when all is
done and told, when transferred, or when nothing moves any more. Limits: it does not understand, it looks for words. It
asks nothing back, haggles over nothing, reads nothing off its phone, and does nothing that is not in the ground truth.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

STOP, TRANSFER = "###STOP###", "###TRANSFER###"
TRANSFER_TOOL = "transfer_to_human_agents"
PATIENCE = 3  # agent texts in a row that move nothing; then the customer leaves
FACTS = ("known_info", "task_instructions")
NOT_TELLING = {"check", "get", "make", "run", "set", "toggle"}  # first words of action names


def words(name: str) -> "tuple[str, ...]":
    """The words of an action's name that an agent has to use to ask for it.

    >>> words("toggle_airplane_mode"), words("reseat_sim_card")
    (('airplane', 'mode'), ('reseat', 'sim', 'card'))
    """
    first, *rest = name.split("_")
    return tuple(rest) if first in NOT_TELLING and rest else (first, *rest)


def mentions(text: str, name: str) -> bool:
    """Whether a text asks for an action, by all of its words.

    >>> mentions("Please switch the Airplane mode off.", "toggle_airplane_mode"), mentions("Hi!", "toggle_data")
    (True, False)
    """
    said = set(re.findall(r"[a-z]+", text.lower()))
    return all(word in said for word in words(name))


@dataclass(frozen=True)
class Move:
    """What the customer does next: say `text`, or do the actions of these positions in the ground truth."""

    text: str = ""
    actions: "tuple[int, ...]" = ()
    revealed: "tuple[str, ...]" = ()


class Script:
    """One customer. `actions` and `told` are the ground truth: what both sides do, and what the agent must say."""

    def __init__(self, scenario: "dict[str, str]", actions: Sequence[Any], told: Sequence[str]) -> None:
        self.scenario, self.actions, self.told = scenario, actions, told
        self.untold = [name for name in FACTS if re.search(r"\w", scenario.get(name) or "")]
        self.hidden = tuple(self.untold)
        self.pending = [place for place, action in enumerate(actions) if action.requestor == "user"]
        self.patience, self.most_done = PATIENCE, 0

    def open(self) -> Move:
        """What the customer comes with."""
        return Move(text=self.scenario["reason_for_call"])

    def answer(self, calls: Sequence[Any], texts: Sequence[str]) -> Move:
        """The move after all the agent's calls and texts so far."""
        if any(call.name == TRANSFER_TOOL for call in calls):
            return Move(text=TRANSFER)
        missing = [
            place
            for place, action in enumerate(self.actions)
            if action.requestor != "user" and not any(action.compare_with_tool_call(call) for call in calls)
        ]
        done = len(self.actions) - len(missing)
        if done > self.most_done:
            self.patience, self.most_done = PATIENCE, done
        ready = [place for place in self.pending if not any(other < place for other in missing)]
        asked = tuple(place for place in ready if mentions(texts[-1], self.actions[place].name))
        if asked:
            self.pending = [place for place in self.pending if place not in asked]
            self.patience = PATIENCE
            return Move(actions=asked)
        said = [text.lower().replace(",", "") for text in texts]
        if not missing and not self.pending and all(any(t.lower() in text for text in said) for t in self.told):
            return Move(text=f"Thank you. {STOP}")
        if self.untold:
            name = self.untold.pop(0)
            return Move(text=self.scenario[name], revealed=(name,))
        self.patience -= 1
        return Move(text="That is all I can tell you." if self.patience > 0 else f"I have to go. {STOP}")


def make_user(package: Any, task: Any, trajectory: Any) -> Any:
    """A user of the benchmark's own kind that plays a `Script`; `trajectory()` is the conversation so far."""
    message = package.message
    instructions, criteria = task.user_scenario.instructions, task.evaluation_criteria
    scenario = {"reason_for_call": instructions} if isinstance(instructions, str) else instructions.model_dump()
    actions = (criteria.actions if criteria else None) or []

    class ScriptedUser(package.user_base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(instructions=None)
            self.script = Script(scenario, actions, (criteria.communicate_info if criteria else None) or [])
            self.opened = False
            self.revealed: list[str] = []

        def get_init_state(self, message_history: Any = None) -> Any:
            return package.user_state(system_messages=[], messages=[])

        def generate_next_message(self, heard: Any, state: Any) -> Any:
            return self._say(heard), state

        def set_seed(self, seed: int) -> None:
            """Nothing is drawn."""

        @classmethod
        def is_stop(cls, said: Any) -> bool:
            return bool(package.user_simulator.is_stop(said))

        def _say(self, heard: Any) -> Any:
            if not isinstance(heard, message.AssistantMessage):
                results = getattr(heard, "tool_messages", None) or [heard]
                text = " ".join(str(result.content) for result in results)
                return message.UserMessage(role="user", content=f"I did that. {text}")
            if not self.opened:
                self.opened = True
                return message.UserMessage(role="user", content=self.script.open().text)
            own = [one for one in trajectory() if isinstance(one, message.AssistantMessage)]
            calls = [call for one in own for call in one.tool_calls or []]
            move = self.script.answer(calls, [one.content or "" for one in own])
            self.revealed += move.revealed
            if not move.actions:
                return message.UserMessage(role="user", content=move.text)
            called = [
                message.ToolCall(
                    id=f"user_{place}", name=actions[place].name, arguments=actions[place].arguments, requestor="user"
                )
                for place in move.actions
            ]
            return message.UserMessage(role="user", content=None, tool_calls=called)

    return ScriptedUser()
