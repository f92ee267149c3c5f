"""What a dry run prints: the steps that it does not take."""

from collections.abc import Sequence
from typing import TextIO

from health_bridge.decision.steps import NodeSteps, SetAnnotation, describe
from health_bridge.metrics import Meter


class DryRun:
    """Prints steps where they differ from those printed last: a dry run never takes them."""

    def __init__(self, meter: Meter, out: TextIO) -> None:
        """Print to `out`."""
        self._meter = meter
        self._out = out
        self._printed: tuple[tuple[str, object], ...] | None = None

    def print(self, plans: Sequence[NodeSteps]) -> None:
        """Print a decision's steps, if they are news.

        An annotation is compared by its key: what it says of now changes with every cycle.
        """
        steps = tuple(
            (plan.node.name, step.key if isinstance(step, SetAnnotation) else step)
            for plan in plans
            for step in plan.steps
        )
        if steps == self._printed:
            return
        for plan in plans:
            self._meter.count(plan)
        lines = [line for plan in plans for line in describe(plan)]
        self._out.writelines(f"{line}\n" for line in lines or ("nothing to do",))
        self._out.flush()
        self._printed = steps
