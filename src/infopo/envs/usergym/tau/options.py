"""The options of `usergym/tau`, and the rules that its two modes play by."""

from dataclasses import dataclass

from infopo.envs.options import check_choice
from infopo.envs.usergym.options import GymOptions
from infopo.envs.usergym.upstream import Settings

ENV_ID = "usergym/tau"
DOMAINS = ("retail", "airline")


@dataclass(frozen=True, slots=True, kw_only=True)
class TauOptions(GymOptions):
    """Keyword options of `make_env("usergym/tau", ...)`; a bad value raises `UserError`.

    `domain`: retail, airline, or both. `mode` upstream: the published gym's behaviour, quirks included. `difficulty`
    nano: small databases, one order or booking a customer, short lines instead of JSON. `reveal` some: the opening
    states half of what the customer knows; all: all of it. `unanswered`: chance that a question to the customer gets
    no answer. `reward` upstream pays 1 at the end.
    """

    env_id = ENV_ID

    domain: str = "both"

    def __post_init__(self) -> None:
        GymOptions.__post_init__(self)
        check_choice(ENV_ID, "domain", self.domain, (*DOMAINS, "both"))

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that tasks are drawn from."""
        return DOMAINS if self.domain == "both" else (self.domain,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Settings):
    """The published settings that matter here, and the quirks: each flag is one way in which the published gym differs.

    Rewards are neither scaled nor clipped, and steps cost nothing.
    """

    max_steps: int = 30
    hides_policy: bool = False  # the agent has to keep to a policy that it is never shown
    stale_opening: bool = False  # the first utterance was recorded once; it is not what this customer said
    ends_must_be_met: bool = False  # only an end by the customer or a transfer is judged: not the limit, not [finish]
    loose_outputs: bool = False  # an output counts as told wherever it is part of a text, however many others are
    bare_tool_list: bool = False  # the list of tools has no types
    plain_prefixes: bool = False  # a lower-case tag at the start, or nothing; a thought or a capital hides it
    both_flags: bool = False  # an episode that ends at the limit is truncated as well


FIXED = Rules()
UPSTREAM = Rules(
    hides_policy=True,
    stale_opening=True,
    ends_must_be_met=True,
    loose_outputs=True,
    bare_tool_list=True,
    plain_prefixes=True,
    both_flags=True,
)
