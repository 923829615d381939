"""The retail domain: a shop with orders, the tools over its database, its policy, and what its customers want."""

from typing import Any

from infopo.envs.usergym.tau.ids import Ids
from infopo.envs.usergym.tau.people import FIND_USER, GET_USER, TRANSFER, USER_FIELDS, draw_people
from infopo.envs.usergym.tau.task import Draft
from infopo.envs.usergym.tau.tools import Call, Database, Parameter, Record, Tool, ToolError, row
from infopo.envs.usergym.tau.words import CITIES, COLORS, PAYMENTS, PRODUCTS, RETAIL_EXCUSE, RETAIL_REASONS

POLICY = """You serve the customers of an online shop. The policy:
- Find out who the customer is, by name and zip code, before you look anything up or change anything. Help them with \
their own orders only.
- Before you change anything, tell the customer what you are about to do and wait for a yes.
- A pending order can be cancelled, for one of the reasons mistake, late and unwanted; it can be sent to another city, \
and an item of it can be exchanged for another color of the same product. Anything but a pending order cannot.
- An item of a delivered order can be returned. The refund goes to a payment method of the customer that they name.
- What is against the policy you refuse, and you tell the customer what the status of the order is.
- Never make up what the database does not say. Transfer to a human only what you cannot do with your tools."""
NANO_POLICY = "cancel move recolor only pending . return only delivered . else tell the status"

FIELDS = {
    "users": USER_FIELDS,
    "items": ("product", "color", "price"),
    "orders": ("user_id", "status", "city", "items"),
}
KINDS = {"cancel": 2, "recolor": 2, "return": 2, "move": 2, "price": 2, "refuse": 1}
_ORDER = Parameter(name="order_id", about="id of the order")
_ITEM = Parameter(name="item_id", about="id of an item of the order")


def _get_order(database: Database, order_id: str) -> Record:
    order = row(database, "orders", order_id)
    items = [{"item_id": item, **row(database, "items", item)} for item in order["items"]]
    return {**{name: value for name, value in order.items() if name != "user_id"}, "items": items}


def _list_items(database: Database, product: str) -> list[Record]:
    found = [{"item_id": key, **item} for key, item in database["items"].items() if item["product"] == product]
    if not found:
        raise ToolError(f"no product {product[:40]}")
    return found


def _pending(database: Database, order_id: str) -> Record:
    order = row(database, "orders", order_id)
    if order["status"] != "pending":
        raise ToolError("the order is not pending")
    return order


def _cancel_order(database: Database, order_id: str, reason: str) -> Record:
    order = _pending(database, order_id)
    order.update(status="cancelled", reason=reason)
    return {"status": "cancelled"}


def _change_city(database: Database, order_id: str, city: str) -> Record:
    _pending(database, order_id)["city"] = city
    return {"city": city}


def _change_item(database: Database, order_id: str, item_id: str, new_item_id: str) -> Record:
    order, new = _pending(database, order_id), row(database, "items", new_item_id)
    if item_id not in order["items"]:
        raise ToolError("the order does not hold this item")
    if new["product"] != row(database, "items", item_id)["product"]:
        raise ToolError("the new item is another product")
    order["items"] = [new_item_id if item == item_id else item for item in order["items"]]
    return {"item_id": new_item_id}


def _return_item(database: Database, order_id: str, item_id: str, payment: str) -> Record:
    order = row(database, "orders", order_id)
    if order["status"] != "delivered":
        raise ToolError("the order is not delivered")
    if item_id not in order["items"]:
        raise ToolError("the order does not hold this item")
    if payment not in row(database, "users", order["user_id"])["payments"]:
        raise ToolError("the customer has no such payment method")
    order["returned"] = {**order.get("returned", {}), item_id: payment}
    return {"returned": item_id}


TOOLS = (
    FIND_USER,
    GET_USER,
    Tool(name="get_order", about="an order with its items", parameters=(_ORDER,), run=_get_order),
    Tool(
        name="list_items",
        about="all items of a product that are for sale",
        parameters=(Parameter(name="product", about="name of the product"),),
        run=_list_items,
    ),
    Tool(
        name="cancel_order",
        about="cancel a pending order",
        parameters=(_ORDER, Parameter(name="reason", about="why", choices=RETAIL_REASONS)),
        run=_cancel_order,
        writes=True,
    ),
    Tool(
        name="change_city",
        about="send a pending order to another city",
        parameters=(_ORDER, Parameter(name="city", about="where it goes", choices=CITIES)),
        run=_change_city,
        writes=True,
    ),
    Tool(
        name="change_item",
        about="exchange an item of a pending order for another one of the same product",
        parameters=(_ORDER, _ITEM, Parameter(name="new_item_id", about="id of the new item")),
        run=_change_item,
        writes=True,
    ),
    Tool(
        name="return_item",
        about="take back an item of a delivered order",
        parameters=(_ORDER, _ITEM, Parameter(name="payment", about="where the refund goes", choices=PAYMENTS)),
        run=_return_item,
        writes=True,
    ),
    TRANSFER,
)


def draw(kind: str, ids: Ids) -> Draft:
    """A customer who wants `kind`, in a shop with a few customers. Somebody else has the customer's name."""
    rng, database = ids.rng, {"users": draw_people(ids), "items": {}, "orders": {}}
    products = ids.some(PRODUCTS, 6 if ids.nano else len(PRODUCTS))
    for product in products:
        for color in ids.some(COLORS, 3 if ids.nano else 6):
            database["items"][ids.good()] = {"product": product, "color": color, "price": ids.price()}
    for user_id, user in database["users"].items():
        wanted = iter(ids.some(products, len(products)))
        for _ in range(1 if ids.nano else 3):
            count = 1 if ids.nano else rng.randint(1, 3)
            items = [_item_of(ids, database, next(wanted)) for _ in range(count)]
            user["orders"].append(ids.deal())
            database["orders"][user["orders"][-1]] = {
                "user_id": user_id,
                "status": rng.choice(("pending", "delivered")),
                "city": rng.choice(CITIES),
                "items": items,
            }
    return _wanted(kind, ids, database)


def _item_of(ids: Ids, database: Database, product: str) -> str:
    return ids.rng.choice([key for key, item in database["items"].items() if item["product"] == product])


def _wanted(kind: str, ids: Ids, database: Database) -> Draft:
    rng, (user_id, user) = ids.rng, next(iter(database["users"].items()))
    order_id = rng.choice(user["orders"])
    order: Record = database["orders"][order_id]
    item_id = rng.choice(order["items"])
    item = database["items"][item_id]
    if kind != "price":
        order["status"] = "delivered" if kind in ("return", "refuse") else "pending"
    facts = {"name": user["name"], "zip": user["zip"], "request": "cancel" if kind == "refuse" else kind}
    facts["product"] = item["product"]
    name, output = "", ""
    rest: dict[str, Any] = {}
    if kind in ("cancel", "refuse"):
        facts["reason"] = rng.choice(RETAIL_REASONS)
        if kind == "refuse":
            output = RETAIL_EXCUSE
        else:
            name, rest = "cancel_order", {"reason": facts["reason"]}
    elif kind == "recolor":
        others = {key: one for key, one in database["items"].items() if one["product"] == item["product"]}
        new = rng.choice([key for key in others if key != item_id])
        facts["color"] = others[new]["color"]
        name, rest = "change_item", {"item_id": item_id, "new_item_id": new}
    elif kind == "return":
        facts["payment"] = rng.choice(user["payments"])
        name, rest = "return_item", {"item_id": item_id, "payment": facts["payment"]}
    elif kind == "move":
        facts["city"] = rng.choice([city for city in CITIES if city != order["city"]])
        name, rest = "change_city", {"city": facts["city"]}
    else:
        output = str(item["price"])
    return Draft(
        facts=facts,
        user_id=user_id,
        database=database,
        gold=(Call(name=name, arguments={"order_id": order_id, **rest}),) if name else (),
        outputs=(output,) if output else (),
        about=order_id,
    )
