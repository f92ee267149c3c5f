"""Opens the gate of pods whose node another engine chooses: Kueue's topologies, upstream's groups.

Two planners for one pod would only wait for each other. Health reaches such pods all the same: by
taints, labels and the extender.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from program.announce import About, Announcer
from scheduler_feedback.errors import Conflict, KubeError, NotFound
from scheduler_feedback.gang.pods import Member

log = logging.getLogger(__name__)


class Gates(Protocol):
    """Where gates are opened."""

    def open_gate(self, member: Member) -> None:
        """Open a pod's gate and pin it nowhere; Conflict where it has changed since it was read."""


class HandOver:
    """Lets such pods go, each once no gate but ours is left."""

    def __init__(self, gates: Gates, announcer: Announcer, *, leading: Callable[[], bool]) -> None:
        """Prepare; `leading` is asked before each patch."""
        self._gates = gates
        self._announcer = announcer
        self._leading = leading

    def each(self, members: Sequence[Member], writers: ThreadPoolExecutor) -> None:
        """Open the gates of those that wait for nothing else."""
        due = [
            member
            for member in members
            if member.placed_by
            and member.gated
            and not member.other_gates
            and not member.terminating
        ]
        list(writers.map(self._open, due))

    def _open(self, member: Member) -> None:
        if not self._leading():
            return
        try:
            self._gates.open_gate(member)
        except (Conflict, NotFound):
            return
        except KubeError as error:
            fields = {"pod": member.name, "reason": error.reason, "error": str(error)}
            log.warning("gate not opened", extra=fields)
            return
        about = About(kind="Pod", namespace=member.namespace, name=member.name, uid=member.uid)
        message = f"its gate is opened: {member.placed_by} chooses its node"
        self._announcer.say(about, "GangHandedOver", message)
