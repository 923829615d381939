"""What both domains share: customers, and the tools that find them."""

from infopo.envs.usergym.tau.ids import Ids
from infopo.envs.usergym.tau.tools import Database, Parameter, Record, Tool, ToolError, row
from infopo.envs.usergym.tau.words import PAYMENTS

USER_FIELDS = ("name", "zip", "payments", "orders")


def draw_people(ids: Ids) -> dict[str, Record]:
    """The customers by id. The first calls; the second has the same name, and only the zip code tells them apart."""
    count = 3 if ids.nano else 6
    name = ids.name()
    names = [name, name, *(ids.name() for _ in range(count - 2))]
    return {
        ids.user(): {"name": one, "zip": ids.zip(), "payments": ids.some(PAYMENTS, 2), "orders": []} for one in names
    }


def _find_user(database: Database, name: str, zip: str) -> Record:
    wanted = (name.casefold(), zip)
    for key, user in database["users"].items():
        if (user["name"].casefold(), user["zip"]) == wanted:
            return {"user_id": key}
    raise ToolError("no such user")


def _get_user(database: Database, user_id: str) -> Record:
    return dict(row(database, "users", user_id))


def _transfer(database: Database, summary: str) -> str:
    return "transferred"


FIND_USER = Tool(
    name="find_user",
    about="the id of a customer",
    parameters=(Parameter(name="name", about="full name"), Parameter(name="zip", about="zip code")),
    run=_find_user,
)
GET_USER = Tool(
    name="get_user",
    about="a customer with the ids of all their orders",
    parameters=(Parameter(name="user_id", about="id of the customer"),),
    run=_get_user,
)
TRANSFER = Tool(
    name="transfer",
    about="hand the conversation over to a human, which ends it",
    parameters=(Parameter(name="summary", about="what it is about"),),
    run=_transfer,
    ends=True,
)
