"""`tau2/<domain>`: the customer-service benchmark, played with its own package (see docs/tau2.md).

The user installs it from its repository; its code runs in processes of an interpreter that may differ from ours.
"""

from functools import partial
from typing import NoReturn

from infopo.envs.registry import EnvSpec, ExpertKind, NoExpertError, Split
from infopo.envs.tau2.build import build
from infopo.envs.tau2.catalogue import entries
from infopo.envs.tau2.env import Tau2Env
from infopo.envs.tau2.floors import measure
from infopo.envs.tau2.options import Tau2Options

__all__ = ["AIRLINE", "RETAIL", "TELECOM", "TELECOM_WORKFLOW", "Tau2Env", "Tau2Options"]


def _num_tasks(domain: str, split: Split, options: Tau2Options) -> int:
    return len(entries(domain, split, options))


def _no_expert(domain: str, kind: ExpertKind, seed: int, options: Tau2Options) -> NoReturn:
    raise NoExpertError(
        f"tau2/{domain} has no scripted expert, so no built-in model; give a model folder or a hub name"
    )


def _spec(domain: str, summary: str) -> EnvSpec:
    return EnvSpec(
        env_id=f"tau2/{domain}",
        summary=summary,
        options=Tau2Options,
        num_tasks=partial(_num_tasks, domain),
        build=partial(build, domain),
        expert=partial(_no_expert, domain),
        floors=partial(measure, domain),
    )


AIRLINE = _spec("airline", "the tau2 benchmark, airline (needs its package: docs/tau2.md)")
RETAIL = _spec("retail", "the tau2 benchmark, shop (needs its package: docs/tau2.md)")
TELECOM = _spec("telecom", "the tau2 benchmark, phone support (needs its package: docs/tau2.md)")
TELECOM_WORKFLOW = _spec("telecom-workflow", "the tau2 benchmark, phone support by a flow chart (needs its package)")
