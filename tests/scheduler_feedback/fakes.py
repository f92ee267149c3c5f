"""A kube-apiserver of a few dictionaries, for what a real one would not do on demand."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from program.announce import About, Announcer, Board
from scheduler_feedback.announce import COMPONENT, ERRORS
from scheduler_feedback.errors import KubeError, NotFound
from scheduler_feedback.jobs import Job
from scheduler_feedback.pods import Pod
from scheduler_feedback.watch import Change, Listing


class Clock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeCluster:
    """Nodes, pods by node, budgets; evictions answer with the error set for the pod's name."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pdbs: list[dict[str, Any]] = field(default_factory=list)
    refuses: dict[str, KubeError] = field(default_factory=dict)
    down: KubeError | None = None
    evicted: list[str] = field(default_factory=list)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    reads: int = 0
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[tuple[str, str]] = field(default_factory=list)
    """What was asked, withdrawn, suspended and resumed, and of whom."""

    def pods_in(self, namespace: str) -> list[Mapping[str, Any]]:
        every = [pod for pods in self.pods.values() for pod in pods]
        return [pod for pod in every if pod["metadata"]["namespace"] == namespace]

    def job(self, _namespace: str, name: str) -> Mapping[str, Any]:
        if name not in self.jobs:
            raise NotFound(name)
        return self.jobs[name]

    def suspended_jobs(self) -> list[Mapping[str, Any]]:
        marked = "railwatch.io/drain-suspended"
        return [job for job in self.jobs.values() if marked in job["metadata"].get("labels", {})]

    def claims(self) -> list[Mapping[str, Any]]:
        return []

    def slices(self, _node: str) -> list[Mapping[str, Any]]:
        return []

    def ask_to_leave(self, pod: Pod, moment: str, gives_way_to: str = "") -> None:
        self._change("ask", pod.name)
        for each in self.pods_in(pod.namespace):
            if each["metadata"]["name"] == pod.name:
                notes = each["metadata"].setdefault("annotations", {})
                notes["railwatch.io/drain-requested"] = moment
                if gives_way_to:
                    notes["railwatch.io/gives-way-to"] = gives_way_to

    def withdraw(self, _namespace: str, name: str, _uid: str) -> None:
        self._change("withdraw", name)

    def suspend(self, job: Job, mark: str) -> None:
        self._change("suspend", job.name)
        marked = self.jobs[job.name]["metadata"].setdefault("labels", {})
        marked["railwatch.io/drain-suspended"] = mark

    def resume(self, job: Job) -> None:
        self._change("resume", job.name)

    def _change(self, what: str, name: str) -> None:
        if name in self.refuses:
            raise self.refuses[name]
        self.changes.append((what, name))

    def node(self, name: str) -> Mapping[str, Any]:
        self.reads += 1
        if self.down:
            raise self.down
        if name not in self.nodes:
            raise NotFound(name)
        return self.nodes[name]

    def pods_on(self, node: str) -> list[Mapping[str, Any]]:
        return list(self.pods.get(node, []))

    def budgets(self) -> list[Mapping[str, Any]]:
        return list(self.pdbs)

    def evict(self, namespace: str, name: str, uid: str) -> None:
        assert uid == f"uid-{namespace}-{name}"
        if name in self.refuses:
            raise self.refuses[name]
        self.evicted.append(name)

    def post_event(self, namespace: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        assert event["metadata"]["namespace"] == namespace
        self.events.append((event["reason"], event["involvedObject"]["name"], event["message"]))
        return {"metadata": {"name": f"event-{len(self.events)}"}}

    def patch_event(self, namespace: str, name: str, change: Mapping[str, Any]) -> None:
        raise AssertionError((namespace, name, change))


class Prompt(Announcer):
    """Posts before `say` returns, in place of a thread."""

    def __init__(self, board: Board, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(board, ERRORS, component=COMPONENT, clock=clock)

    def say(
        self,
        about: About,
        reason: str,
        message: str,
        *,
        warning: bool = False,
        same: tuple[str, ...] = (),
    ) -> None:
        super().say(about, reason, message, warning=warning, same=same)
        self.drain()


@dataclass(slots=True)
class FakeSource:
    """Lists and watches, played back one a call; an error is raised where it stands."""

    lists: list[list[Any]] = field(default_factory=list)
    watches: list[list[Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def list(self) -> Listing:
        self.asked.append("list")
        return Listing(objects=_play(self.lists.pop(0)), version=lambda: "5")

    def watch(self, version: str) -> Iterator[Change]:
        self.asked.append(f"watch {version}")
        script = self.watches.pop(0)
        if script and isinstance(script[0], KubeError):
            raise script[0]
        return _play(script)


def _play(script: list[Any]) -> Iterator[Any]:
    for step in script:
        if isinstance(step, KubeError):
            raise step
        yield step
