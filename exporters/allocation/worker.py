"""What a worker of the allocation family works on: the kubelet and its log directory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from exporters.allocation import names, pods
from exporters.allocation.kubelet import Kubelet
from exporters.allocation.names import Logs
from exporters.allocation.pod_logs import terminated
from exporters.facility import Outcome, State
from exporters.post import Pace, Target
from exporters.registry import ALLOCATION, chosen
from exporters.runtime import run
from exporters.sample import Note
from exporters.settings import Settings

PATIENCE = 0.4
"""Of what a facility may take, for one of the kubelet's two answers: who waits longer is killed
before it can tell why."""


class NodeSession:
    """The kubelet of this node."""

    notes: tuple[Note, ...] = ()
    lasting = False
    """It is at work for some milliseconds in a cycle, and needs several megabytes for that."""

    def __init__(self, settings: Settings, target: Target) -> None:
        """Take what the program knows already."""
        logs = Path(settings.pod_logs)
        deadline = PATIENCE * Pace.of(settings.interval, 0).group
        self._facilities = chosen(ALLOCATION, settings.facilities)
        self._logs = Logs(directory=logs, known=str(target.get(names.KNOWN, "")))
        self._kubelet = Kubelet(
            settings.kubelet_socket_dir,
            deadline,
            lambda: terminated(logs, Path(settings.sysfs)),
            seen=bool(target.get(pods.SEEN)),
        )

    def cycle(self) -> Iterator[Outcome]:
        """Run each facility."""
        if names.FACILITY in self._facilities:
            yield run(names.FACILITY, (self._logs,))
        if pods.FACILITY in self._facilities:
            yield self._pods()

    def _pods(self) -> Outcome:
        """Return what the kubelet says; where there is none, with a word on that."""
        outcome = run(pods.FACILITY, (self._kubelet,))
        if outcome.state is State.ABSENT:
            return replace(outcome, problem=self._kubelet.missing)
        return outcome


def attach(settings: Settings, target: Target) -> NodeSession:
    """Open the node."""
    return NodeSession(settings, target)
