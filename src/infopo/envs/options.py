"""Values of options that many environments have, and the checks of values."""

from infopo.core import UnknownNameError, UserError

DIFFICULTIES = ("standard", "nano")
REWARDS = ("outcome", "upstream")
REVEALS = ("none", "some", "all")


def check_choice(env_id: str, name: str, value: object, known: tuple[str, ...]) -> None:
    """`UnknownNameError` for a value that is none of `known`."""
    if value not in known:
        raise UnknownNameError(f"{name} of {env_id}", str(value), list(known))


def check_share(env_id: str, name: str, value: object) -> None:
    """`UserError` for anything but a number in [0, 1]."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0.0 <= value <= 1.0:  # type: ignore[operator]
        raise UserError(f"option {name} of {env_id} must be a number in [0, 1], got {value!r}")


def check_whole(env_id: str, name: str, value: object, least: int, most: int | None = None) -> None:
    """`UserError` for anything but a whole number within the limits."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise UserError(f"option {name} of {env_id} must be a whole number, {limits}, got {value!r}")


def check_user(env_id: str, user: str | None) -> None:
    """`UserError` for a user that the environment does not have."""
    if user not in (None, "scripted"):
        raise UserError(f"{env_id} has no user {user!r}; available: scripted")
