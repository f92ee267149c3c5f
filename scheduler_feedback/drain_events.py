"""What the drainer says on nodes, pods and Jobs, as Events: why each went, or did not."""

from collections.abc import Callable, Mapping, Sequence

from program.announce import About, Announcer
from scheduler_feedback.drain import Eviction, Plan
from scheduler_feedback.errors import KubeError
from scheduler_feedback.health import NodeHealth
from scheduler_feedback.jobs import Suspension
from scheduler_feedback.pods import Pod
from scheduler_feedback.resume import about
from scheduler_feedback.units import Draining


class Teller:
    """Words for what was decided."""

    def __init__(self, announcer: Announcer) -> None:
        """Say it through an announcer, which does not repeat itself."""
        self._announcer = announcer

    def plan(
        self, draining: Sequence[Draining], made: Plan, known: Callable[[NodeHealth], bool]
    ) -> None:
        """Tell of nodes that are being emptied or are empty, and of pods that are held.

        `known` says whether a node was found empty before.
        """
        for node in (each.node for each in draining if each.node not in made.drained):
            self._announcer.say(_node(node), "Draining", f"evicting the pods of {_reason(node)}")
        for node in made.drained:
            if not known(node):
                message = f"nothing is left to evict from {_reason(node)}"
                self._announcer.say(_node(node), "Drained", message)
        for held in made.held:
            if held.why:
                message = f"not evicted from {held.cause}: {held.why}"
                self._announcer.say(_pod(held.pod), "DrainBlocked", message, warning=True)

    def users_unknown(
        self, draining: Sequence[Draining], unknown: Mapping[str, tuple[str, ...]]
    ) -> None:
        """Tell of fenced devices whose users nobody knows, by node."""
        for node in (each.node for each in draining if each.node.name in unknown):
            message = f"nobody says which pods use {', '.join(unknown[node.name])}: none is moved"
            self._announcer.say(_node(node), "DrainBlocked", message, warning=True)

    def evicted(self, eviction: Eviction) -> None:
        """Tell of a pod that goes."""
        message = f"railwatch drains {eviction.cause}"
        self._announcer.say(_pod(eviction.pod), "Evicted", message)

    def not_evicted(self, eviction: Eviction, result: str, error: KubeError) -> None:
        """Tell of a pod whose eviction was refused."""
        message = f"eviction from {eviction.cause} {result}: {error}"
        self._announcer.say(_pod(eviction.pod), "DrainBlocked", message, warning=True)

    def suspended(self, suspension: Suspension) -> None:
        """Tell of a Job whose pods go."""
        message = (
            f"railwatch drains {suspension.cause}: suspended in place of evicting "
            f"{len(suspension.pods)} pods, and resumed once there is room for them"
        )
        self._announcer.say(about(suspension.job), "DrainSuspended", message)

    def not_suspended(self, suspension: Suspension, error: KubeError) -> None:
        """Tell of a Job that could not be suspended."""
        message = f"not suspended: {error}"
        self._announcer.say(about(suspension.job), "DrainBlocked", message, warning=True)


def _reason(node: NodeHealth) -> str:
    conditions = [*(r.condition for r in node.drains), *(f.condition for f in node.fenced)]
    return f"node {node.name}: {', '.join(dict.fromkeys(conditions))}"


def _pod(pod: Pod) -> About:
    return About(kind="Pod", namespace=pod.namespace, name=pod.name, uid=pod.uid)


def _node(node: NodeHealth) -> About:
    return About(kind="Node", name=node.name, uid=node.uid)
