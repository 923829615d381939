"""`webshop/small`: find a product that fits a wish in a shop of about a thousand, choose its options, buy it.

After "WebShop" (arXiv 2207.01206): search, pages, buttons, and its reward for the purchase; the catalogue is our own.
The actions are `[search] cotton shirt` and `[action] W0417`, or as published `search[cotton shirt]`, `click[W0417]`.
"""

from infopo.envs.base import Env
from infopo.envs.options import check_user
from infopo.envs.registry import EnvSpec, Split
from infopo.envs.webshop.bank import make_task, num_tasks
from infopo.envs.webshop.env import WebShopEnv
from infopo.envs.webshop.expert import WebShopExpert
from infopo.envs.webshop.options import ENV_ID, WebShopOptions

__all__ = ["SPEC", "WebShopEnv", "WebShopExpert", "WebShopOptions"]


def _build(index: int, split: Split, seed: int, user: str | None, options: WebShopOptions) -> Env:
    check_user(ENV_ID, user)
    return WebShopEnv(make_task(index, split, options), options=options)


SPEC = EnvSpec(
    env_id=ENV_ID,
    summary="find a product that fits a wish in a small shop, and buy it",
    options=WebShopOptions,
    num_tasks=num_tasks,
    build=_build,
    expert=WebShopExpert,
)
