"""A travel task: what the user wants, what can be booked, and which option is best."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """One hidden wish of the user."""

    aspect: str
    topic: str
    value: str

    @property
    def fact(self) -> str:
        """The id under which facts are recorded, such as `flight.seat`."""
        return f"{self.aspect}.{self.topic}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row of the database. `values` follows the aspect's preferences; None: the database does not know.

    `details` are the remaining fields of a listing (standard difficulty), in order.
    """

    option_id: str
    values: tuple[str | None, ...]
    price: int
    details: tuple[tuple[str, str | int | float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectTask:
    """One aspect to book: its hidden preferences, its search arguments, its options."""

    aspect: str
    preferences: tuple[Preference, ...]
    arguments: tuple[tuple[str, str], ...]
    options: tuple[Option, ...]

    @property
    def wishes(self) -> tuple[str, ...]:
        """The wanted value of each preference."""
        return tuple(preference.value for preference in self.preferences)

    @property
    def fitting(self) -> tuple[Option, ...]:
        """The options that satisfy every preference, cheapest first. The first is the best one."""
        wishes = self.wishes
        return tuple(sorted((o for o in self.options if o.values == wishes), key=lambda option: option.price))

    @property
    def best(self) -> Option:
        """The cheapest option that fits."""
        return self.fitting[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A whole task; `aspects` are in the order of the opening, `revealed` are the facts that it states."""

    task_id: str
    aspects: tuple[AspectTask, ...]
    revealed: frozenset[str] = frozenset()

    @property
    def preferences(self) -> tuple[Preference, ...]:
        """All preferences, in the order of the opening."""
        return tuple(preference for aspect in self.aspects for preference in aspect.preferences)

    def aspect(self, name: str) -> AspectTask:
        """The part of that name; `KeyError` where the task has none."""
        for part in self.aspects:
            if part.aspect == name:
                return part
        raise KeyError(name)
