"""What PodDisruptionBudgets still allow while a plan is made. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from catalog.scheduler import DRAIN_POD_STATES
from scheduler_feedback.pods import Budget, Pod

_BUDGET, _STALE, _SEVERAL = DRAIN_POD_STATES[2:5]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """The budgets that hold pods; `state` is one of the catalogue's."""

    state: str
    why: str
    budgets: tuple[Budget, ...]


class Ledger:
    """The evictions that each budget still allows."""

    def __init__(self, budgets: Iterable[Budget]) -> None:
        self._by_namespace: dict[str, list[Budget]] = {}
        self._left: dict[tuple[str, str], int] = {}
        for budget in budgets:
            self._by_namespace.setdefault(budget.namespace, []).append(budget)
            self._left[budget.namespace, budget.name] = budget.allowed

    def over(self, pod: Pod) -> tuple[Budget, ...]:
        """Return the budgets that protect a pod; none protects one that is not running yet."""
        if pod.phase == "Pending":
            return ()
        return tuple(b for b in self._by_namespace.get(pod.namespace, ()) if b.selects(pod))

    def left(self, budget: Budget) -> int:
        """Return how many evictions a budget still allows."""
        return self._left[budget.namespace, budget.name]

    def spend(self, pod: Pod) -> None:
        """Take the pod's eviction off its budgets."""
        for budget in self.over(pod):
            if budget.spends(pod):
                self._left[budget.namespace, budget.name] -= 1

    def all_at_once(
        self, pods: Sequence[Pod], *, direct: Collection[str] = ()
    ) -> tuple[Blocked | None, "Ledger"]:
        """Return what forbids to evict all of these, and the ledger after they are.

        `direct` are the uids of pods that leave without the Eviction API, which would refuse one
        under several budgets; each budget is counted for them all the same.
        """
        after = self._copy()
        for pod in pods:
            over = after.over(pod)
            if len(over) > 1 and pod.uid not in direct:
                return _blocked(_SEVERAL, over), self
            for budget in (b for b in over if b.spends(pod)):
                if budget.stale:
                    return _blocked(_STALE, (budget,)), self
                if after.left(budget) < 1:
                    return self._spent(budget, pods), self
            after.spend(pod)
        return None, after

    def _spent(self, budget: Budget, pods: Sequence[Pod]) -> Blocked:
        needed = sum(1 for pod in pods if budget.selects(pod) and budget.spends(pod))
        left = max(self.left(budget), 0)
        if len(pods) == 1:
            return _blocked(_BUDGET, (budget,))
        takes = f"{left} of the {needed} evictions that moving it whole takes"
        why = f"{_named((budget,))} allows {takes}"
        return Blocked(state=_BUDGET, why=why, budgets=(budget,))

    def _copy(self) -> "Ledger":
        made = Ledger(())
        made._by_namespace = self._by_namespace
        made._left = dict(self._left)
        return made


_WHY = {
    _BUDGET: "{} allows no eviction now",
    _STALE: "the status of {} is not up to date",
    _SEVERAL: "more than one PodDisruptionBudget selects the pod: {}",
}


def _blocked(state: str, budgets: tuple[Budget, ...]) -> Blocked:
    return Blocked(state=state, why=_WHY[state].format(_named(budgets)), budgets=budgets)


def _named(budgets: Iterable[Budget]) -> str:
    return ", ".join(f"PodDisruptionBudget {b.namespace}/{b.name}" for b in budgets)
