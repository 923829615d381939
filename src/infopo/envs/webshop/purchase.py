"""What a purchase is worth beside a wish, by the published formula."""

from collections.abc import Mapping

from infopo.envs.webshop.bank import Task
from infopo.envs.webshop.catalogue import Product
from infopo.envs.webshop.rewards import matched_attributes, matched_options, purchase_reward, title_score, type_factor


def worth(task: Task, product: Product, chosen: Mapping[str, str]) -> float:
    """The reward in [0, 1] of buying a product with the chosen options.

    The kind of a product is what it is searched by, and the one noun of its title.
    """
    wish = task.wish
    return purchase_reward(
        attributes=matched_attributes(wish.attributes, product.attributes, product.text),
        wished_attributes=len(wish.attributes),
        options=matched_options(wish.options, chosen),
        wished_options=len(wish.options),
        price_fits=product.price <= wish.limit,
        type_factor=type_factor(
            same_query=product.kind == wish.kind,
            shared_categories=len(set(product.categories) & set(task.product.categories)),
            title_score=title_score([task.product.kind], [product.kind]),
        ),
    )
