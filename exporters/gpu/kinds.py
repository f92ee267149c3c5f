"""Reading one thing by its kinds, such as the clocks by domain."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from exporters.errors import Absent, NoDriver, Unreadable

K = TypeVar("K")


def each(kinds: Mapping[str, K], read: Callable[[K], float]) -> Iterator[tuple[str, float]]:
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
