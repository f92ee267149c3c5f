"""Reading one thing by its kinds, such as the clocks by domain."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from exporters.errors import Absent, NoDriver, Unreadable

L = TypeVar("L")
K = TypeVar("K")
V = TypeVar("V")


def each(kinds: Mapping[L, K], read: Callable[[K], V]) -> Iterator[tuple[L, V]]:
    """Yield the value of each kind, by its label; what this card does not have is left out.

    A kind that cannot be read costs none of the others: Unreadable is raised after the last.
    """
    problem: Unreadable | None = None
    for label, kind in kinds.items():
        try:
            value = read(kind)
        except NoDriver:
            raise
        except Absent:
            continue
        except Unreadable as error:
            problem = problem or error
            continue
        yield label, value
    if problem is not None:
        raise problem
